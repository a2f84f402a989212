import { Controller, Get, Header, NotFoundException, Param } from '@nestjs/common';
import { HttpChallengeStore } from '../challenges/http-challenge.store.js';

const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

/** Answers the HTTP-01 challenges of CAs, from any replica. Has to be reachable on port 80 of every domain. */
@Controller('.well-known/acme-challenge')
export class AcmeChallengeController {
  constructor(private readonly challenges: HttpChallengeStore) {}

  @Get(':token')
  @Header('content-type', 'application/octet-stream')
  @Header('cache-control', 'no-store')
  async answer(@Param('token') token: string): Promise<string> {
    const answer = TOKEN.test(token) ? await this.challenges.find(token) : undefined;
    if (answer === undefined) throw new NotFoundException('There is no such challenge');
    return answer;
  }
}
