/** What the provider sends to the Engine API and reads of its answers, in its words. */

/** What a new container is to be. */
export interface ContainerRequest {
  Image: string;
  /** Absent: that of the image. */
  Cmd?: string[];
  Env: string[];
  Labels: Record<string, string>;
  WorkingDir?: string | undefined;
  ExposedPorts: Record<string, object>;
  HostConfig: Record<string, unknown>;
}

export interface ListedVolume {
  Name: string;
  Labels: Record<string, string> | null;
  CreatedAt?: string;
}

export interface ListedImage {
  Id: string;
  RepoTags: string[] | null;
  /** Such as `shop/web@sha256:…`. */
  RepoDigests?: string[] | null;
  /** Seconds since 1970. */
  Created: number;
  Size: number;
}

export interface ContainerEvent {
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string | undefined> };
}

export interface PullEvent {
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  error?: string;
  errorDetail?: { message?: string };
}

/** Readings of one container. What a daemon does not know is left out, or 0. */
export interface ContainerStats {
  read: string;
  cpu_stats?: {
    cpu_usage?: { total_usage?: number };
    throttling_data?: { throttled_time?: number };
  };
  memory_stats?: { usage?: number; limit?: number; stats?: Record<string, number> };
  pids_stats?: { current?: number };
  blkio_stats?: { io_service_bytes_recursive?: { op: string; value: number }[] | null };
  networks?: Record<string, { rx_bytes: number; tx_bytes: number }>;
}

export interface RegistryAuth {
  username: string;
  password: string;
  serveraddress: string;
}
