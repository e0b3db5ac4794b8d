// drain_state.h: one system call fewer. A read of a TCP stream that returns less than was asked for
// has emptied it, so the next read parks at once instead of asking for EAGAIN first.
//
//   drained   the last read came back short, and nothing has been reported since
//             set by: such a read. Left by: a report's token, a wait, any other read
//
// Reader's recipe: 1 take the token [A], and the mark of exceptional reports (poll_desc)
//                  2 drained, and no token: wait instead of 3   3 the system call   4 note
// What arrives after [A] makes a new token, so a short read at 3 has seen all that the taken one
// stood for. Not so when a report carried priority, hang-up or an error: the read may have stopped
// in front of an urgent byte, or of the end, and no further report comes for what lies behind it.
// Then nothing counts as drained, until a read has returned EAGAIN, the end or an error.
//
// Guarded by the read turn of its handle. `Desc` is rt::poll_desc; the tests bring their own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "os/socket.h"
#include "poller/poll_desc.h"

namespace sluice::net {

class drain_state {
 public:
  // Steps 1 and 2. False: wait before the system call.
  template <class Desc>
  [[nodiscard]] bool may_try(Desc& desc) noexcept {
    if (desc.slot(rt::direction::read).take_token(desc.generation())) drained_ = false;
    mark_ = desc.exceptional_mark();
    return !drained_;
  }

  // Step 4: the call asked for `asked` bytes; `allowed`: a short read of this socket drains it.
  template <class Desc>
  void note(Desc& desc, os::outcome got, std::size_t asked, bool allowed) noexcept {
    const bool brought_data = got.ok() && got.bytes() != 0;
    if (!brought_data) desc.clear_exceptional(mark_);
    drained_ = brought_data && got.bytes() < asked && allowed && !desc.exceptional();
  }

  // After a wait: the report that ended it may have been consumed there.
  void waited() noexcept { drained_ = false; }

 private:
  bool drained_ = false;
  std::uint32_t mark_ = 0;  // of the read that is being tried
};

}  // namespace sluice::net
