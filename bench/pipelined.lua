-- pipelined.lua: makes wrk send sixteen requests at once; it counts each answer.
local batch
init = function()
  local requests = {}
  for i = 1, 16 do requests[i] = wrk.format("GET", "/") end
  batch = table.concat(requests)
end
request = function() return batch end
