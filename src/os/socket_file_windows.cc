// socket_file_windows.cc: the file that a local socket is known by.
#include <windows.h>

#include "os/error_windows.h"
#include "os/socket.h"
#include "os/syscall_count.h"

namespace sluice::os {
namespace {

constexpr DWORD local_socket_tag = 0x80000023;  // IO_REPARSE_TAG_AF_UNIX

// Empty for what is no UTF-8, which no file is named by.
std::wstring wide(const std::string& path) {
  const int size = static_cast<int>(path.size());
  const int length =
      ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path.data(), size, nullptr, 0);
  std::wstring text(static_cast<std::size_t>(length), L'\0');
  ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path.data(), size, text.data(), length);
  return text;
}

struct closed_at_end {
  HANDLE handle;
  ~closed_at_end() { ::CloseHandle(handle); }
};

result<file_identity> identify(const std::wstring& path) noexcept {
  const HANDLE file = ::CreateFileW(
      path.c_str(), FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
      nullptr, OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS, nullptr);
  if (file == INVALID_HANDLE_VALUE) return std::unexpected(last_error());
  const closed_at_end owner{file};
  BY_HANDLE_FILE_INFORMATION about{};
  if (::GetFileInformationByHandle(file, &about) == 0) return std::unexpected(last_error());
  FILE_ATTRIBUTE_TAG_INFO tag{};
  const bool tagged =
      ::GetFileInformationByHandleEx(file, FileAttributeTagInfo, &tag, sizeof(tag)) != 0;
  file_identity found;
  found.device = about.dwVolumeSerialNumber;
  found.number = (std::uint64_t{about.nFileIndexHigh} << 32) | about.nFileIndexLow;
  found.is_socket = tagged && tag.ReparseTag == local_socket_tag;
  return found;
}

}  // namespace

result<file_identity> identify_file(const std::string& path) noexcept {
  count_call(call::other);
  try {
    return identify(wide(path));
  } catch (const std::bad_alloc&) {
    return std::unexpected(error(std::errc::not_enough_memory));
  }
}

void remove_file(const std::string& path) noexcept {
  count_call(call::other);
  try {
    // A file that is gone already is as good.
    ::DeleteFileW(wide(path).c_str());
  } catch (const std::bad_alloc&) {
    // The file stays, as it does after a crash: the next listener finds that nobody answers.
  }
}

}  // namespace sluice::os
