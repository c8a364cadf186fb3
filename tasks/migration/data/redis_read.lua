-- Reads keys in one go: for each 40 digits of its digest (redis_values.py makes the same), its
-- expiry and the length of its dump; behind all of them, the dumps. ARGV[1]: 1 with dumps.
-- Only what takes no time is done here, for a script keeps everybody else waiting: of larger
-- values and of other types it says so by dashes, and where the bytes are many it ends early.
local BYTES, ITEMS, MEMORY, ALL = 65536, 256, 262144, 4194304
local sizes = {string = 'STRLEN', list = 'LLEN', set = 'SCARD', hash = 'HLEN', zset = 'ZCARD'}
local other = string.rep('-', 40)
local most = 16 ^ 12
local spent = 0

local function joined(parts)
    local out = {'[' .. #parts .. ':'}
    for i, part in ipairs(parts) do
        out[i + 1] = #part .. ':' .. part
    end
    out[#out + 1] = ']'
    return table.concat(out)
end

local function unordered(parts)
    local one, two = 0, 0
    for _, part in ipairs(parts) do
        local text = redis.sha1hex(part)
        one = (one + tonumber(string.sub(text, 1, 12), 16)) % most
        two = (two + tonumber(string.sub(text, 13, 24), 16)) % most
    end
    return string.format('%d-%.0f-%.0f', #parts, one, two)
end

local reads = {
    string = function(key) return redis.call('GET', key) end,
    list = function(key) return joined(redis.call('LRANGE', key, 0, -1)) end,
    set = function(key) return unordered(redis.call('SMEMBERS', key)) end,
    hash = function(key)
        local flat, pairs = redis.call('HGETALL', key), {}
        for i = 1, #flat, 2 do
            pairs[#pairs + 1] = joined({flat[i], flat[i + 1]})
        end
        return unordered(pairs)
    end,
    zset = function(key)
        local flat = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
        for i = 2, #flat, 2 do
            flat[i] = string.format('%.17g', tonumber(flat[i]))
        end
        return joined(flat)
    end,
}

local head, blobs = {}, {}
for _, key in ipairs(KEYS) do
    local kind = redis.call('TYPE', key).ok
    local expiry = redis.call('PEXPIRETIME', key)
    local size = sizes[kind] and redis.call(sizes[kind], key)
    local digest, blob = other, ''
    local small = size and size <= (kind == 'string' and BYTES or ITEMS)
    if small and kind ~= 'string' then
        small = (redis.call('MEMORY', 'USAGE', key) or 0) <= MEMORY
    end
    if small then
        local value = reads[kind](key)
        if value then
            digest = redis.sha1hex(key .. '\0' .. kind .. '\0' .. value)
            spent = spent + #value + 100 * size
        end
        if ARGV[1] == '1' then
            blob = redis.call('DUMP', key) or ''
            blobs[#blobs + 1] = blob
            spent = spent + #blob
        end
    end
    head[#head + 1] = string.format('%s%20.0f%10d', digest, expiry, #blob)
    if spent > ALL then
        break
    end
end
return {table.concat(head), table.concat(blobs)}
