// stream_maker.h: the way from a handle to its stream, for those in this folder.
#pragma once

#include "sluice/net/stream.h"

namespace sluice::net {

struct stream_maker {
  static stream make(detail::io_handle_ptr handle) noexcept { return stream(std::move(handle)); }
};

}  // namespace sluice::net
