import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createPrivateKey, type KeyObject, webcrypto } from 'node:crypto';
import { isIpAddress } from '../names.js';

/** What kind of key a certificate gets. ECDSA is smaller and faster; RSA is for clients from before 2014. */
export const KEY_TYPES = ['ec-p256', 'ec-p384', 'rsa-2048'] as const;

export type KeyType = (typeof KEY_TYPES)[number];

const ALGORITHMS: Record<KeyType, EcKeyAlgorithm | RsaHashedKeyAlgorithm> = {
  'ec-p256': { name: 'ECDSA', namedCurve: 'P-256' },
  'ec-p384': { name: 'ECDSA', namedCurve: 'P-384' },
  'rsa-2048': {
    name: 'RSASSA-PKCS1-v1_5',
    hash: { name: 'SHA-256' },
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  },
};

type EcKeyAlgorithm = { name: 'ECDSA'; namedCurve: string };
type RsaHashedKeyAlgorithm = {
  name: string;
  hash: { name: string };
  publicExponent: Uint8Array;
  modulusLength: number;
};

const crypto = webcrypto;

type CryptoKey = webcrypto.CryptoKey;
export type CryptoKeyPair = webcrypto.CryptoKeyPair;

/** A new private key and the request to certify it. */
export interface KeyAndRequest {
  /** PKCS #8, PEM. A secret. */
  privateKey: string;
  /** PKCS #10, DER. */
  csr: Uint8Array;
}

export async function generateKeyPair(type: KeyType): Promise<CryptoKeyPair> {
  const pair = await crypto.subtle.generateKey(ALGORITHMS[type], true, ['sign', 'verify']);
  return pair as CryptoKeyPair;
}

/** PKCS #8, PEM. A secret. */
export async function exportPrivateKey(key: CryptoKey): Promise<string> {
  const der = await crypto.subtle.exportKey('pkcs8', key);
  return x509.PemConverter.encode(der, 'PRIVATE KEY') + '\n';
}

/** An ECDSA P-256 signing key from what `exportPrivateKey` gave. */
export function importSigningKey(pem: string): Promise<CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return crypto.subtle.importKey('pkcs8', der, ALGORITHMS['ec-p256'], false, ['sign']);
}

/**
 * A key for these names, and the request that carries them as alternative names alone: common names are deprecated,
 * end at 64 characters, and CAs leave them out of short-lived certificates.
 */
export async function createKeyAndRequest(names: readonly string[], type: KeyType): Promise<KeyAndRequest> {
  const keys = await generateKeyPair(type);
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      keys,
      signingAlgorithm: { name: ALGORITHMS[type].name, hash: 'SHA-256' },
      extensions: [alternativeNames(names)],
    },
    crypto,
  );
  return { privateKey: await exportPrivateKey(keys.privateKey), csr: new Uint8Array(request.rawData) };
}

export function alternativeNames(names: readonly string[]): x509.SubjectAlternativeNameExtension {
  return new x509.SubjectAlternativeNameExtension(
    names.map((value): x509.JsonGeneralName => ({ type: isIpAddress(value) ? 'ip' : 'dns', value })),
    // Critical where there is no subject (RFC 5280, 4.2.1.6).
    true,
  );
}

export function privateKeyObject(pem: string): KeyObject {
  return createPrivateKey(pem);
}

export { crypto as webCrypto };
