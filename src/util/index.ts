export * from './duration.js';
export * from './errors.js';
export * from './logger.js';
export * from './options.js';
export * from './quote.js';
export * from './process-tree.js';
export * from './descriptors.js';
export * from './live-block.js';
