// target.h: request targets, authorities and percent-encoding. Pure text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/parse/rejection.h"
#include "http/parse/request_head.h"

namespace sluice::http::parse {

// Splits head.target into form, path, query and, for an absolute target, authority.
//
// A fragment is refused (a client must not send one), so are escapes that are none, and %00: a path
// with a NUL in it is a different path to everything that is written in C.
rejection split_target(request_head& head) noexcept;

// Returns  whether `text` is host[:port] as RFC 3986 has it, without user information. An empty
// text
//          is one too: RFC 9112 3.2 sends that where the target has no authority.
bool valid_authority(std::string_view text) noexcept;

// Returns  whether each '%' in `text` starts an escape of two hexadecimal digits that is not %00.
bool valid_escapes(std::string_view text) noexcept;

// Appends `text` with its escapes resolved. `text` has valid_escapes().
void append_decoded(std::string& out, std::string_view text);

// The same, but an escaped slash stays "%2F": what was inside of one segment before remains so
// when the value is several segments long.
void append_decoded_segments(std::string& out, std::string_view text);

// Returns  whether the segment, its escapes resolved, equals `literal`. Allocates nothing.
bool segment_equals(std::string_view segment, std::string_view literal) noexcept;

// Returns  the path with everything escaped that a URL's path cannot hold, so that it can stand in
// a
//          Location: "/\host" would be read as "//host" by browsers.
std::string escaped_path(std::string_view path);

// Returns  the path without empty, "." and ".." segments, where it has any; the escaped forms of
//          the dots count too. The result is an escaped_path().
std::optional<std::string> cleaned_path(std::string_view path);

}  // namespace sluice::http::parse
