#include "os/error_windows.h"

#include <winsock2.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace sluice::os {
namespace {

struct translation {
  std::uint32_t code;
  int number;
};

// What the sockets say, then what other calls and overlapped operations say.
constexpr auto translations = std::to_array<translation>({
    {WSAEINTR, EINTR},
    {WSAEBADF, EBADF},
    {WSAEACCES, EACCES},
    {WSAEFAULT, EFAULT},
    {WSAEINVAL, EINVAL},
    {WSAEMFILE, EMFILE},
    {WSAEWOULDBLOCK, EAGAIN},
    {WSAEINPROGRESS, EINPROGRESS},
    {WSAEALREADY, EALREADY},
    {WSAENOTSOCK, ENOTSOCK},
    {WSAEDESTADDRREQ, EDESTADDRREQ},
    {WSAEMSGSIZE, EMSGSIZE},
    {WSAEPROTOTYPE, EPROTOTYPE},
    {WSAENOPROTOOPT, ENOPROTOOPT},
    {WSAEPROTONOSUPPORT, EPROTONOSUPPORT},
    {WSAEOPNOTSUPP, EOPNOTSUPP},
    {WSAEAFNOSUPPORT, EAFNOSUPPORT},
    {WSAEADDRINUSE, EADDRINUSE},
    {WSAEADDRNOTAVAIL, EADDRNOTAVAIL},
    {WSAENETDOWN, ENETDOWN},
    {WSAENETUNREACH, ENETUNREACH},
    {WSAENETRESET, ENETRESET},
    {WSAECONNABORTED, ECONNABORTED},
    {WSAECONNRESET, ECONNRESET},
    {WSAENOBUFS, ENOBUFS},
    {WSAEISCONN, EISCONN},
    {WSAENOTCONN, ENOTCONN},
    {WSAESHUTDOWN, EPIPE},
    {WSAETIMEDOUT, ETIMEDOUT},
    {WSAECONNREFUSED, ECONNREFUSED},
    {WSAELOOP, ELOOP},
    {WSAENAMETOOLONG, ENAMETOOLONG},
    {WSAEHOSTUNREACH, EHOSTUNREACH},
    {WSAENOTEMPTY, ENOTEMPTY},
    {ERROR_FILE_NOT_FOUND, ENOENT},
    {ERROR_PATH_NOT_FOUND, ENOENT},
    {ERROR_TOO_MANY_OPEN_FILES, EMFILE},
    {ERROR_ACCESS_DENIED, EACCES},
    {ERROR_INVALID_HANDLE, EBADF},
    {ERROR_NOT_ENOUGH_MEMORY, ENOMEM},
    {ERROR_OUTOFMEMORY, ENOMEM},
    {ERROR_COMMITMENT_LIMIT, ENOMEM},
    {ERROR_NO_SYSTEM_RESOURCES, ENOBUFS},
    {ERROR_WORKING_SET_QUOTA, ENOBUFS},
    {ERROR_NOT_SUPPORTED, ENOTSUP},
    {ERROR_INVALID_PARAMETER, EINVAL},
    {ERROR_NETNAME_DELETED, ECONNRESET},
    {ERROR_BROKEN_PIPE, EPIPE},
    {ERROR_SEM_TIMEOUT, ETIMEDOUT},
    {ERROR_OPERATION_ABORTED, ECANCELED},
    {ERROR_CONNECTION_REFUSED, ECONNREFUSED},
    {ERROR_CONNECTION_INVALID, ENOTCONN},
    {ERROR_CONNECTION_ABORTED, ECONNABORTED},
    {ERROR_ADDRESS_ALREADY_ASSOCIATED, EADDRINUSE},
    {ERROR_NETWORK_UNREACHABLE, ENETUNREACH},
    {ERROR_HOST_UNREACHABLE, EHOSTUNREACH},
    {ERROR_PORT_UNREACHABLE, ECONNREFUSED},
});

// Above every errno value, and so far below the limit that no code of Winsock or Win32 overflows.
constexpr int beyond_errno = 1 << 20;

}  // namespace

int errno_of(std::uint32_t code) noexcept {
  const auto* const found =
      std::find_if(translations.begin(), translations.end(),
                   [&](const translation& each) { return each.code == code; });
  if (found != translations.end()) return found->number;
  return beyond_errno + static_cast<int>(code & 0xffffff);
}

error error_of(int number) noexcept {
  if (number < beyond_errno) return error::from_errno(number);
  return error(std::error_code(number - beyond_errno, std::system_category()));
}

error last_error() noexcept { return error_of(errno_of(::GetLastError())); }

outcome failed_socket_call() noexcept {
  return outcome(-std::int64_t{errno_of(static_cast<std::uint32_t>(::WSAGetLastError()))});
}

outcome failed_receive() noexcept {
  return ::WSAGetLastError() == WSAESHUTDOWN ? outcome(0) : failed_socket_call();
}

}  // namespace sluice::os
