#include "testing/descriptors_posix.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sluice::testing {
namespace {

void demand(bool holds, const char* what) {
  if (holds) return;
  std::perror(what);
  std::abort();
}

// The lowest number that the next descriptor would get.
int next_descriptor() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  demand(fd >= 0, "open");
  ::close(fd);
  return fd;
}

}  // namespace

void send_with_descriptor(const raw_socket& through, std::string_view data, int descriptor) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec vector{const_cast<char*>(data.data()), data.size()};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  demand(::sendmsg(through.fd(), &message, MSG_NOSIGNAL) == static_cast<ssize_t>(data.size()),
         "sendmsg");
}

// With the soft limit at the lowest free number, no descriptor can be had: the limit is on the
// number that would come next.
no_more_descriptors::no_more_descriptors() {
  rlimit limits{};
  demand(::getrlimit(RLIMIT_NOFILE, &limits) == 0, "getrlimit");
  soft_ = limits.rlim_cur;
  limits.rlim_cur = static_cast<rlim_t>(next_descriptor());
  demand(::setrlimit(RLIMIT_NOFILE, &limits) == 0, "setrlimit");
}

no_more_descriptors::~no_more_descriptors() {
  rlimit limits{};
  demand(::getrlimit(RLIMIT_NOFILE, &limits) == 0, "getrlimit");
  limits.rlim_cur = soft_;
  demand(::setrlimit(RLIMIT_NOFILE, &limits) == 0, "setrlimit");
}

}  // namespace sluice::testing
