# Threads, children, pipes, Unix sockets, signals, fibres: `ruby ruby.rb ROUNDS`.
require 'json'
require 'open3'
require 'socket'

def round
  queue = Queue.new
  8.times.map { |n| Thread.new { 100.times { |i| queue << n * i } } }.each(&:join)
  puts queue.size
  Process.wait(fork { exit! 3 })
  puts $?.exitstatus
  out, status = Open3.capture2('tr a-z A-Z', stdin_data: 'hello')
  puts out, status.success?
  reader, writer = IO.pipe
  child = fork { reader.close; writer.puts 'through a pipe'; writer.close; exit! 0 }
  writer.close
  puts reader.read
  Process.wait(child)
  UNIXServer.open('ruby-socket') do |server|
    client = Thread.new { UNIXSocket.open('ruby-socket') { |s| s.puts 'ask'; s.gets } }
    served = server.accept
    puts served.gets
    served.puts 'answer'
    served.close
    puts client.value
  end
  File.unlink('ruby-socket')
  told = Queue.new
  trap('USR1') { told << :usr1 }
  Process.kill('USR1', Process.pid)
  puts told.pop
  fiber = Fiber.new { 3.times { |i| Fiber.yield i }; nil }
  p 4.times.map { fiber.resume }
  puts JSON.generate({ 'a' => [1, nil, 2.5] }), `echo ticks`
  puts (1..2000).map { |i| (i % 700).to_s * 3 }.uniq.size
  GC.start
  begin
    Integer('x')
  rescue ArgumentError => e
    puts e.message
  end
end

$stdout.sync = true
ARGV[0].to_i.times { round }
exit 8
