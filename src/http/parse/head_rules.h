// head_rules.h: what a head as a whole must satisfy once its lines are known: one Host, a framing
// that can be read in one way only, a version and a method that are spoken here.
#pragma once

#include "http/parse/rejection.h"
#include "http/parse/request_head.h"
#include "sluice/http_types.h"

namespace sluice::http::parse {

// Checks `head`, of which method, target, version_minor and fields are set, and fills in the rest.
//
// Framing (RFC 9112 6): Transfer-Encoding is exactly "chunked", once, on HTTP/1.1, and never beside
// Content-Length. Other codings are answered 501; chunked that is not the last, or twice, 400.
// Content-Length is given once, in digits only, even where the RFC would allow equal repetitions.
// Expectations other than 100-continue are answered 417; HTTP/1.0 has none, so they are ignored.
rejection apply_rules(request_head& head, const limits& bounds) noexcept;

}  // namespace sluice::http::parse
