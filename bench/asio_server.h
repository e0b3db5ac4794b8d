// asio_server.h: the same servers on Asio's coroutines (its stand-alone form): one io_context, one
// thread, a coroutine for each connection. The context is told that it has one thread, which saves
// Asio its locks; errors come as values, which saves the exceptions at each connection's end.
#pragma once

#define ASIO_STANDALONE
#define ASIO_NO_DEPRECATED
// Debian 12's Asio looks for the coroutines of an older clang, and finds none with a newer one.
#define ASIO_HAS_CO_AWAIT 1
#define ASIO_HAS_STD_COROUTINE 1

#include <asio.hpp>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <string_view>
#include <utility>

namespace bench {

// answer(received) returns what to send back, which must last until the next call for this
// connection, and whether to close then.
struct asio_answer {
  std::string_view data;
  bool over = false;
};

template <class Answer>
asio::awaitable<void> serve_connection(asio::ip::tcp::socket connection, Answer answer) {
  char buffer[4096];
  asio::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  for (;;) {
    const std::size_t got = co_await connection.async_read_some(asio::buffer(buffer), token);
    if (error) co_return;
    const asio_answer next = answer(std::string_view(buffer, got));
    co_await asio::async_write(connection, asio::buffer(next.data), token);
    if (error || next.over) co_return;
  }
}

template <class Answer>
asio::awaitable<void> accept_for_ever(asio::ip::tcp::acceptor& acceptor, Answer answer) {
  for (;;) {
    asio::ip::tcp::socket connection = co_await acceptor.async_accept(asio::use_awaitable);
    connection.set_option(asio::ip::tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), serve_connection(std::move(connection), answer),
                   asio::detached);
  }
}

// Listens on a port of 127.0.0.1 that the system picks, prints it and serves. An error of the
// acceptor ends the program: the coroutine's end leaves the exception to std::terminate.
template <class Answer>
void serve_with_asio(Answer answer) {
  asio::io_context context(1);
  asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  std::printf("listening on 127.0.0.1:%u\n", unsigned{acceptor.local_endpoint().port()});
  std::fflush(stdout);
  asio::co_spawn(context, accept_for_ever(acceptor, answer), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  context.run();
}

}  // namespace bench
