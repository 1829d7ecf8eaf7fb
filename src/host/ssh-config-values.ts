import { InvalidArgument, show } from '../util/index.js';
import type { Setting } from './ssh-config-lines.js';
import type { HostKeyPolicy } from './target.js';

const units: Record<string, number> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Milliseconds of a time as ssh_config(5) writes it: seconds, or `1h30m`. Undefined when it is not set, or `none`. */
export function configuredDuration(setting: Setting | undefined): number | undefined {
  const text = setting?.args[0]?.toLowerCase();
  if (setting === undefined || text === undefined || text === 'none') return undefined;
  if (!/^(\d+[smhdw]?)+$/.test(text)) {
    throw new InvalidArgument(
      `${setting.place}: ${setting.keyword} must be a time like 30 or 1m30s, not ${show(text)}`,
    );
  }
  let seconds = 0;
  for (const [, number, unit] of text.matchAll(/(\d+)([smhdw]?)/g))
    seconds += Number(number) * (units[unit ?? ''] ?? 1);
  return seconds * 1000;
}

export function configuredNumber(
  setting: Setting | undefined,
  least: number,
  most: number,
): number | undefined {
  const text = setting?.args[0];
  if (setting === undefined || text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new InvalidArgument(
      `${setting.place}: ${setting.keyword} must be a whole number, ${least} to ${most}, not ${show(text)}`,
    );
  }
  return value;
}

const policies: Record<string, HostKeyPolicy> = {
  yes: 'strict',
  true: 'strict',
  ask: 'strict',
  'accept-new': 'accept-new',
  no: 'off',
  false: 'off',
  off: 'off',
};

export function configuredPolicy(setting: Setting | undefined): HostKeyPolicy | undefined {
  const text = setting?.args[0];
  if (setting === undefined || text === undefined) return undefined;
  const policy = Object.hasOwn(policies, text) ? policies[text] : undefined;
  if (!policy) {
    const known = Object.keys(policies).join(', ');
    throw new InvalidArgument(
      `${setting.place}: StrictHostKeyChecking must be one of ${known}, not ${show(text)}`,
    );
  }
  return policy;
}

export function isYes(setting: Setting | undefined): boolean {
  return setting?.args[0] === 'yes' || setting?.args[0] === 'true';
}
