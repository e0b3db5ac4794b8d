// consumer.cc: the program of somebody who has installed sluice. Every way of using the library
// builds and runs this one file, so it includes public headers only and says "consumer: ok".
#include <sluice/error.h>

#include <cstdio>

namespace {

// Errors are made and printed: the library's own code is linked, not only its headers.
bool errors_have_sentences() {
  const sluice::error refused =
      sluice::error(std::errc::connection_refused).with_context("dial tcp", "127.0.0.1:1");
  return refused.message() == "dial tcp 127.0.0.1:1: connection refused";
}

}  // namespace

int main() {
  if (!errors_have_sentences()) {
    std::puts("consumer: an error's sentence is wrong");
    return 1;
  }
  std::puts("consumer: ok");
  return 0;
}
