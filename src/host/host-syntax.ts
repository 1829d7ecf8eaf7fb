import { isIPv6 } from 'node:net';
import { InvalidArgument, show } from '../util/index.js';

/** What a host's text says: only the parts that were written. */
export interface HostParts {
  readonly address: string;
  readonly user: string | undefined;
  readonly port: number | undefined;
}

/**
 * Says what is wrong with an address ("begins with '-'"), or undefined. Stricter than DNS on purpose: addresses end up on command
 * lines (`ssh`, `{{{host}}}`), so nothing that a shell or an option parser gives a meaning to is let through.
 */
export function addressProblem(address: string): string | undefined {
  const problem = commonProblem(address);
  if (problem) return problem;
  if (isIPv6(address)) return undefined;
  if (address.includes('@')) return "contains '@' (the user is written apart)";
  if (address.includes('[')) return 'describes several hosts (hostList() makes a list of them)';
  if (address.includes(':')) return "contains ':' and is no IPv6 address";
  const bad = /[^\p{L}\p{N}._+-]/u.exec(address);
  return bad ? `contains ${show(bad[0])}` : undefined;
}

/** The same for a login name, which may also be `name@realm`, `DOMAIN\name` or a gateway's `name:target`. */
export function userProblem(user: string): string | undefined {
  const problem = commonProblem(user);
  if (problem) return problem;
  if (user.endsWith('\\')) return 'ends with a backslash';
  const bad = /[^\p{L}\p{N}._+@%=:,/#\\-]/u.exec(user);
  return bad ? `contains ${show(bad[0])}` : undefined;
}

function commonProblem(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (text.startsWith('-')) return "begins with '-', which programs take for an option";
  if (text.includes('\0')) return 'contains a NUL character';
  if (/\s/.test(text)) return /[\r\n]/.test(text) ? 'contains a newline' : 'contains white space';
  return undefined;
}

/** Splits `[ssh://][user@]address[:port]`, where an IPv6 address with a port is in brackets. Throws InvalidArgument. */
export function parseHostText(text: string): HostParts {
  let rest = text.startsWith('ssh://') ? text.slice('ssh://'.length).replace(/\/$/, '') : text;
  const fail = (problem: string) => new InvalidArgument(`host ${show(text)} is not valid: ${problem}`);
  let user: string | undefined;
  const at = rest.lastIndexOf('@');
  if (at >= 0) {
    user = rest.slice(0, at);
    if (user.includes(':')) {
      const shown = show(`${user.slice(0, user.indexOf(':'))}:***@${rest.slice(at + 1)}`);
      throw new InvalidArgument(
        `host ${shown} is not valid: a password cannot be part of it; give it as connection param 'password'`,
      );
    }
    const problem = userProblem(user);
    if (problem) throw fail(`the user ${problem}`);
    rest = rest.slice(at + 1);
  }
  const { address, port } = splitPort(rest, fail);
  const problem = addressProblem(address);
  if (problem) throw fail(`the host name ${problem}`);
  return { address, user, port: port === undefined ? undefined : parsePort(port, fail) };
}

function splitPort(
  text: string,
  fail: (problem: string) => InvalidArgument,
): { address: string; port: string | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/s.exec(text);
  if (bracketed) {
    if (!isIPv6(bracketed[1] ?? '')) throw fail('brackets must hold an IPv6 address');
    return { address: bracketed[1] ?? '', port: bracketed[2] };
  }
  if (isIPv6(text)) return { address: text, port: undefined };
  const colon = text.lastIndexOf(':');
  return colon < 0
    ? { address: text, port: undefined }
    : { address: text.slice(0, colon), port: text.slice(colon + 1) };
}

function parsePort(text: string, fail: (problem: string) => InvalidArgument): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw fail(`the port must be 1 to 65535, not ${show(text)}`);
  return port;
}

/** Writes an address so that a port can follow: IPv6 in brackets. */
export function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
