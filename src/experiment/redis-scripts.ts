/**
 * What is kept on the server, under the common start of its names: `held`, a hash from keys to their owners; the sets `done` and
 * `skipped`; and for each owner a string `owner:ID` that the server forgets when its lease has passed. An owner whose string is
 * gone is dead. A script runs whole or not at all.
 */
const common = `
local base, me = ARGV[1], ARGV[2]
local held, done, skipped = base .. 'held', base .. 'done', base .. 'skipped'
local function lives(id) return redis.call('EXISTS', base .. 'owner:' .. id) == 1 end
`;

/** Further arguments: how we are described, the lease in milliseconds, how many, and the keys to try. */
export const claim = `${common}
redis.call('SET', base .. 'owner:' .. me, ARGV[3], 'PX', ARGV[4])
local got = {}
for i = 6, #ARGV do
  if #got >= tonumber(ARGV[5]) then break end
  local key = ARGV[i]
  if redis.call('SISMEMBER', done, key) == 0 and redis.call('SISMEMBER', skipped, key) == 0 then
    local owner = redis.call('HGET', held, key)
    if not owner or not lives(owner) then
      redis.call('HSET', held, key, me)
      got[#got + 1] = key
    end
  end
end
return got`;

/** Further arguments: the key, and `done` or `skipped`. */
export const end = `${common}
if redis.call('HGET', held, ARGV[3]) ~= me then return 0 end
redis.call('HDEL', held, ARGV[3])
return redis.call('SADD', base .. ARGV[4], ARGV[3])`;

/** Further argument: the key; without it, all that we hold, and we are forgotten. */
export const release = `${common}
if ARGV[3] then
  if redis.call('HGET', held, ARGV[3]) ~= me then return 0 end
  return redis.call('HDEL', held, ARGV[3])
end
local all = redis.call('HGETALL', held)
for i = 1, #all, 2 do
  if all[i + 1] == me then redis.call('HDEL', held, all[i]) end
end
redis.call('DEL', base .. 'owner:' .. me)
return 0`;

/** Answers the keys that are done, skipped, and held by owners that live. */
export const load = `${common}
local living, now = {}, {}
local all = redis.call('HGETALL', held)
for i = 1, #all, 2 do
  local owner = all[i + 1]
  if living[owner] == nil then living[owner] = lives(owner) end
  if living[owner] then now[#now + 1] = all[i] end
end
return { redis.call('SMEMBERS', done), redis.call('SMEMBERS', skipped), now }`;

/** Answers the descriptions of all owners that hold something and live. */
export const owners = `${common}
local seen, told = {}, {}
for _, owner in ipairs(redis.call('HVALS', held)) do
  if not seen[owner] then
    seen[owner] = true
    local text = redis.call('GET', base .. 'owner:' .. owner)
    if text then told[#told + 1] = text end
  end
end
return told`;
