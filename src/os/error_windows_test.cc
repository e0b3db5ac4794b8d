// error_windows_test.cc: what Windows says means the same as what Linux says, and reads the same.
#include "os/error_windows.h"

#include <gtest/gtest.h>
#include <winsock2.h>

#include <array>

namespace sluice::os {
namespace {

struct row {
  std::uint32_t code;
  std::errc means;
  const char* reads;  // as Linux's strerror, without its capital
};

constexpr auto table = std::to_array<row>({
    {WSAEACCES, std::errc::permission_denied, "permission denied"},
    {WSAEADDRINUSE, std::errc::address_in_use, "address already in use"},
    {WSAEADDRNOTAVAIL, std::errc::address_not_available, "cannot assign requested address"},
    {WSAEAFNOSUPPORT, std::errc::address_family_not_supported,
     "address family not supported by protocol"},
    {WSAEALREADY, std::errc::connection_already_in_progress, "operation already in progress"},
    {WSAECONNABORTED, std::errc::connection_aborted, "software caused connection abort"},
    {WSAECONNREFUSED, std::errc::connection_refused, "connection refused"},
    {WSAECONNRESET, std::errc::connection_reset, "connection reset by peer"},
    {WSAEFAULT, std::errc::bad_address, "bad address"},
    {WSAEHOSTUNREACH, std::errc::host_unreachable, "no route to host"},
    {WSAEINPROGRESS, std::errc::operation_in_progress, "operation now in progress"},
    {WSAEINVAL, std::errc::invalid_argument, "invalid argument"},
    {WSAEISCONN, std::errc::already_connected, "transport endpoint is already connected"},
    {WSAEMFILE, std::errc::too_many_files_open, "too many open files"},
    {WSAEMSGSIZE, std::errc::message_size, "message too long"},
    {WSAENETDOWN, std::errc::network_down, "network is down"},
    {WSAENETRESET, std::errc::network_reset, "network dropped connection on reset"},
    {WSAENETUNREACH, std::errc::network_unreachable, "network is unreachable"},
    {WSAENOBUFS, std::errc::no_buffer_space, "no buffer space available"},
    {WSAENOPROTOOPT, std::errc::no_protocol_option, "protocol not available"},
    {WSAENOTCONN, std::errc::not_connected, "transport endpoint is not connected"},
    {WSAENOTSOCK, std::errc::not_a_socket, "socket operation on non-socket"},
    {WSAEOPNOTSUPP, std::errc::operation_not_supported, "operation not supported"},
    {WSAEPROTONOSUPPORT, std::errc::protocol_not_supported, "protocol not supported"},
    {WSAESHUTDOWN, std::errc::broken_pipe, "broken pipe"},
    {WSAETIMEDOUT, std::errc::timed_out, "connection timed out"},
    {WSAEWOULDBLOCK, std::errc::resource_unavailable_try_again, "resource temporarily unavailable"},
    {ERROR_ACCESS_DENIED, std::errc::permission_denied, "permission denied"},
    {ERROR_CONNECTION_ABORTED, std::errc::connection_aborted, "software caused connection abort"},
    {ERROR_CONNECTION_REFUSED, std::errc::connection_refused, "connection refused"},
    {ERROR_FILE_NOT_FOUND, std::errc::no_such_file_or_directory, "no such file or directory"},
    {ERROR_HOST_UNREACHABLE, std::errc::host_unreachable, "no route to host"},
    {ERROR_INVALID_HANDLE, std::errc::bad_file_descriptor, "bad file descriptor"},
    {ERROR_NETNAME_DELETED, std::errc::connection_reset, "connection reset by peer"},
    {ERROR_NETWORK_UNREACHABLE, std::errc::network_unreachable, "network is unreachable"},
    {ERROR_NOT_ENOUGH_MEMORY, std::errc::not_enough_memory, "cannot allocate memory"},
    {ERROR_OPERATION_ABORTED, std::errc::operation_canceled, "operation canceled"},
    {ERROR_SEM_TIMEOUT, std::errc::timed_out, "connection timed out"},
});

TEST(WindowsError, MeansAndReadsAsOnLinux) {
  for (const row& each : table) {
    const error made = error_of(errno_of(each.code));
    EXPECT_EQ(made, each.means) << each.code;
    EXPECT_EQ(made.message(), each.reads) << each.code;
  }
}

TEST(WindowsError, OneWithoutATranslationKeepsItsNumberAndTheSystemsWords) {
  constexpr std::uint32_t stranger = ERROR_CRC;
  const error made = error_of(errno_of(stranger));
  EXPECT_EQ(made.code().value(), static_cast<int>(stranger));
  EXPECT_EQ(made.code().category(), std::system_category());
  EXPECT_FALSE(made.message().empty());
}

TEST(WindowsError, AStrangerIsNoneOfTheOutcomesThatAreHandled) {
  const outcome made(-std::int64_t{errno_of(ERROR_CRC)});
  EXPECT_FALSE(made.ok());
  EXPECT_FALSE(made.would_block() || made.in_progress() || made.is_connected() ||
               made.is_passing() || made.is_exhausted() || made.is_refused() ||
               made.is_cancelled() || made.is_taken());
}

}  // namespace
}  // namespace sluice::os
