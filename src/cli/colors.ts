import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** Colours where there is a terminal, unless NO_COLOR or FORCE_COLOR say otherwise. */
export function painter(stream: { readonly isTTY?: boolean }): Paint {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  const wanted = NO_COLOR ? false : FORCE_COLOR ? FORCE_COLOR !== '0' : stream.isTTY === true;
  return wanted ? (style, text) => styleText(style, text, { validateStream: false }) : (_, text) => text;
}

/** Colours that tell hosts apart, readable on dark and light. */
export const hostStyles = ['cyan', 'green', 'magenta', 'yellow', 'blue', 'red'] as const;
