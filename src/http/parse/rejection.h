// rejection.h: why a request is refused. The server answers `status` and closes the connection:
// after a request that two readers could understand differently, nothing that follows can be
// trusted.
#pragma once

namespace sluice::http::parse {

struct rejection {
  int status = 0;  // 0: not refused
  const char* reason = "";

  explicit operator bool() const noexcept { return status != 0; }
};

}  // namespace sluice::http::parse
