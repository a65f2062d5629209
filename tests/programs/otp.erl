%% Processes, messages, shared tables, ports and files: `erl -run otp main ROUNDS`.
-module(otp).
-export([main/1, worker/2]).

worker(Parent, N) -> Parent ! {N, lists:sum(lists:seq(1, N))}.

ring(0, Last) -> Last ! go;
ring(N, Next) ->
    ring(N - 1, spawn(fun() -> receive go -> Next ! go end end)).

round() ->
    Self = self(),
    [spawn(?MODULE, worker, [Self, N]) || N <- lists:seq(1, 1000)],
    io:format("~p~n", [lists:sum([receive {N, Sum} -> Sum end || N <- lists:seq(1, 1000)])]),
    ring(10000, Self),
    receive go -> io:format("around~n") end,
    Table = ets:new(table, [public, {write_concurrency, true}]),
    Count = fun() -> [ets:update_counter(Table, k, 1, {k, 0}) || _ <- lists:seq(1, 1000)], Self ! done end,
    [spawn(Count) || _ <- lists:seq(1, 20)],
    [receive done -> ok end || _ <- lists:seq(1, 20)],
    io:format("~p~n", [ets:lookup(Table, k)]),
    io:format("~s", [os:cmd("echo from a shell")]),
    Port = open_port({spawn, "cat"}, [binary]),
    port_command(Port, <<"through cat">>),
    receive {Port, {data, Data}} -> io:format("~s~n", [Data]) end,
    port_close(Port),
    ok = file:write_file("otp-file", binary:copy(<<"abc">>, 10000)),
    {ok, Bytes} = file:read_file("otp-file"),
    io:format("~p~n", [byte_size(Bytes)]).

main([Rounds]) ->
    [round() || _ <- lists:seq(1, list_to_integer(Rounds))],
    halt(7).
