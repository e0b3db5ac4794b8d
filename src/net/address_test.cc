#include "sluice/net/address.h"

#include <gtest/gtest.h>

#include "net/ip_text.h"
#include "net/resolve.h"

namespace sluice::net {
namespace {

std::string round_trip(std::string_view text) {
  const auto parsed = address::parse(text);
  return parsed ? parsed->to_string() : "refused";
}

TEST(Address, PrintsWhatItParsed) {
  for (const char* text : {"1.2.3.4:80", "0.0.0.0:0", "255.255.255.255:65535", "[::]:0", "[::1]:80",
                           "[1::]:1", "[2001:db8::1]:443", "[fe80::1%2]:80", "[::ffff:1.2.3.4]:9",
                           "[1:2:3:4:5:6:7:8]:1", "[1:0:2::3]:5"}) {
    EXPECT_EQ(round_trip(text), text);
  }
}

TEST(Address, Ipv6IsPrintedInItsCanonicalForm) {
  EXPECT_EQ(round_trip("[0:0:0:0:0:0:0:1]:80"), "[::1]:80");
  EXPECT_EQ(round_trip("[2001:0DB8:0:0:1:0:0:1]:80"), "[2001:db8::1:0:0:1]:80");
  EXPECT_EQ(round_trip("[1:0:0:2:0:0:0:3]:80"), "[1:0:0:2::3]:80");
  EXPECT_EQ(round_trip("[1:2:3:0:5:6:7:8]:80"), "[1:2:3:0:5:6:7:8]:80");
  EXPECT_EQ(round_trip("[::ffff:102:304]:80"), "[::ffff:1.2.3.4]:80");
}

TEST(Address, WhatIsNoAddressIsRefused) {
  for (const char* text : {"",
                           ":",
                           "1.2.3.4",
                           "1.2.3.4:",
                           "1.2.3.4:65536",
                           "1.2.3.4:-1",
                           "1.2.3.4:+1",
                           "1.2.3.4:08",
                           "1.2.3:80",
                           "1.2.3.4.5:80",
                           "1.2.3.256:80",
                           "01.2.3.4:80",
                           "1.2.3.4 :80",
                           "1.2..4:80",
                           "::1:80",
                           "[::1]",
                           "[::1:80",
                           "::1]:80",
                           "[]:80",
                           "[:]:80",
                           "[:::]:80",
                           "[1::2::3]:80",
                           "[1:2:3:4:5:6:7]:80",
                           "[1:2:3:4:5:6:7:8:9]:80",
                           "[1:2:3:4:5:6:7::8]x:80",
                           "[12345::]:80",
                           "[1:2:3:4:5:6:7:8::]:80",
                           "[g::]:80",
                           "[::1.2.3]:80",
                           "[1.2.3.4::]:80",
                           "[::1%eth0]:80",
                           "[1:2:]:80",
                           "[:1:2:3:4:5:6:7]:80",
                           "localhost:80",
                           "example.com:80",
                           "[1.2.3.4]:80"}) {
    const auto parsed = address::parse(text);
    ASSERT_FALSE(parsed) << text << " was read as " << parsed->to_string();
    EXPECT_EQ(parsed.error(), errc::invalid_address);
  }
}

TEST(Address, IsARegularType) {
  const address a = *address::parse("1.2.3.4:80");
  address b = a;
  EXPECT_EQ(a, b);
  b = a.with_port(81);
  EXPECT_NE(a, b);
  EXPECT_EQ(b.port(), 81);
  EXPECT_EQ(address(), address());
  EXPECT_EQ(address().to_string(), "");
  EXPECT_EQ(address::make_local("/tmp/a").to_string(), "/tmp/a");
  EXPECT_EQ(address::make_local("@a").path(), "@a");
}

// "a b" for the addresses to try, '*' behind one that serves both IP versions.
std::string resolved(network net, std::string_view text, purpose why) {
  const auto found = resolve(net, text, why);
  if (!found) return found.error().message();
  std::string all;
  for (const endpoint& one : *found) {
    all += (all.empty() ? "" : " ") + one.where.to_string() + (one.one_family ? "" : "*");
  }
  return all;
}

TEST(Resolve, AnEmptyHostMeansEveryInterfaceToAListener) {
  EXPECT_EQ(resolved(tcp, ":80", purpose::listen), "[::]:80* 0.0.0.0:80");
  EXPECT_EQ(resolved(tcp4, ":80", purpose::listen), "0.0.0.0:80");
  EXPECT_EQ(resolved(tcp6, ":80", purpose::listen), "[::]:80");
  EXPECT_EQ(resolved(tcp, "[::]:80", purpose::listen), "[::]:80*");
  EXPECT_EQ(resolved(tcp, "0.0.0.0:80", purpose::listen), "0.0.0.0:80");
}

TEST(Resolve, AnEmptyHostMeansThisMachineToADialer) {
  EXPECT_EQ(resolved(tcp, ":80", purpose::dial), "127.0.0.1:80 [::1]:80");
  EXPECT_EQ(resolved(tcp4, ":80", purpose::dial), "127.0.0.1:80");
  EXPECT_EQ(resolved(tcp6, ":80", purpose::dial), "[::1]:80");
}

TEST(Resolve, LocalhostIsBothLoopbackAddresses) {
  EXPECT_EQ(resolved(tcp, "localhost:7", purpose::dial), "127.0.0.1:7 [::1]:7");
  EXPECT_EQ(resolved(tcp6, "localhost:7", purpose::listen), "[::1]:7");
}

TEST(Resolve, ANumberOfTheOtherVersionIsRefused) {
  EXPECT_EQ(resolved(tcp4, "[::1]:80", purpose::dial), "invalid address");
  EXPECT_EQ(resolved(tcp6, "127.0.0.1:80", purpose::dial), "invalid address");
}

TEST(Resolve, ANameIsRefusedWithASentenceThatSaysWhy) {
  const auto found = resolve(tcp, "example.com:80", purpose::dial);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error(), errc::name_lookup);
  EXPECT_NE(found.error().message().find("cannot be looked up yet"), std::string::npos);
}

TEST(Resolve, AMisspeltNumberIsNoName) {
  for (const char* text : {"1.2.3:80", "999.1.1.1:80", "1.2.3.4", "::1:80", "[::g]:80", "host",
                           "host:http", "host:99999"}) {
    EXPECT_EQ(resolved(tcp, text, purpose::dial), "invalid address") << text;
  }
}

TEST(Resolve, LocalPathsHaveALimit) {
  EXPECT_EQ(resolved(local, "/tmp/s", purpose::listen), "/tmp/s");
  EXPECT_EQ(resolved(local, "@name", purpose::dial), "@name");
  const std::string longest(107, 'x');
  EXPECT_EQ(resolved(local, longest, purpose::dial), longest);
  EXPECT_EQ(resolved(local, longest + "x", purpose::dial), "invalid address");
  EXPECT_EQ(resolved(local, "", purpose::dial), "invalid address");
  EXPECT_EQ(resolved(local, "@", purpose::dial), "invalid address");
  EXPECT_EQ(resolved(local, std::string_view("a\0b", 3), purpose::dial), "invalid address");
}

}  // namespace
}  // namespace sluice::net
