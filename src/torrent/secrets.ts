import { createHmac } from 'node:crypto';

/** The peer id of a member, which only those who have the key of the job can know. */
export function peerIdOf(jobKey: Buffer, id: string): string {
  const mac = createHmac('sha256', jobKey).update(id).digest('base64');
  return `-RK0100-${mac.slice(0, 12)}`;
}

/** What a member shows to the tracker: 128 bits. */
export function tokenOf(jobKey: Buffer, id: string): string {
  return createHmac('sha256', jobKey).update(`token ${id}`).digest('hex').slice(0, 32);
}
