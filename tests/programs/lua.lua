-- Coroutines, pipes, tables, strings: `lua5.4 lua.lua ROUNDS`.
for _ = 1, tonumber(arg[1]) do
  local function numbers(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end
  local sum = 0
  for i in numbers(20000) do sum = sum + i end
  print(sum)
  local p = io.popen('seq 100 | wc -l'); print(p:read('n')); print(p:close())
  print(os.execute('exit 3'))
  local t = {}
  for i = 1, 20000 do t[i] = (i * 7919) % 20011 end
  table.sort(t); print(t[1], t[10000], #table.concat(t, ','))
  local f = assert(io.open('lua-file', 'w')); for i = 1, 1000 do f:write(i, '\n') end f:close()
  local n = 0; for line in io.lines('lua-file') do n = n + tonumber(line) end print(n)
  print(('x'):rep(10):gsub('x', 'yz'), string.pack('<i4', 77):byte(1, -1))
  print(pcall(error, { code = 1 }), select('#', table.unpack({ 1, nil, 3 }, 1, 3)))
  for i = 1, 50 do collectgarbage('step', i) end
end
os.exit(13)
