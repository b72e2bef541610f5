#include "training/meeting_place.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "error.h"

namespace iba {

namespace {

constexpr int kAnswerMilliseconds = 1'000;

/// An address with its port, as the system's calls take it.
struct Place {
  sockaddr_storage address{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
  int family() const { return address.ss_family; }

  bool is_loopback() const {
    if (family() == AF_INET6) {
      const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
      return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
    }
    const auto& four = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(four.sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
  }
};

std::vector<Place> places_of(const char* address, uint16_t port, int flags, int& failure) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  failure = ::getaddrinfo(address, std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) return {};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  std::vector<Place> places;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Place& place = places.emplace_back();
    std::memcpy(&place.address, each->ai_addr, each->ai_addrlen);
    place.size = each->ai_addrlen;
  }
  return places;
}

/// -1, with the reason in errno, where it can't listen there.
int listen_at(const Place& place) {
  const int descriptor = ::socket(place.family(), SOCK_STREAM, 0);
  if (descriptor < 0) return -1;
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  const int yes = 1;
  const int no = 0;
  // The connections of an earlier training may still be closing.
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (place.family() == AF_INET6) ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  // Two sockets may be bound to one port as long as neither listens.
  if (::bind(descriptor, place.get(), place.size) == 0 && ::listen(descriptor, SOMAXCONN) == 0)
    return descriptor;
  const int reason = errno;
  ::close(descriptor);
  errno = reason;
  return -1;
}

bool connects_to(const Place& place) {
  const int descriptor = ::socket(place.family(), SOCK_STREAM, 0);
  if (descriptor < 0) return false;
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
  bool connected = ::connect(descriptor, place.get(), place.size) == 0;
  if (!connected && errno == EINPROGRESS) {
    pollfd waiting{descriptor, POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    connected = ::poll(&waiting, 1, kAnswerMilliseconds) == 1 &&
                ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  }
  ::close(descriptor);
  return connected;
}

}  // namespace

int open_meeting_place(const std::string& address, uint16_t port) {
  int failure = 0;
  const bool is_name =
      address != "localhost" && places_of(address.c_str(), port, AI_NUMERICHOST, failure).empty();
  std::vector<Place> places = places_of(address.c_str(), port, 0, failure);
  if (failure != 0)
    throw Error(ErrorCode::process_group, "MASTER_ADDR '" + address +
                                              "' stands for no machine: " + ::gai_strerror(failure) +
                                              ". Give the name or the IP address of the machine of rank 0.");
  if (is_name) std::erase_if(places, [](const Place& place) { return place.is_loopback(); });
  int ignored = 0;
  for (const char* everywhere : {"::", "0.0.0.0"}) {
    for (const Place& place : places_of(everywhere, port, AI_NUMERICHOST, ignored)) places.push_back(place);
  }
  for (const Place& place : places) {
    const int descriptor = listen_at(place);
    if (descriptor >= 0) return descriptor;
    if (errno == EADDRINUSE)
      throw Error(ErrorCode::process_group,
                  "Port " + std::to_string(port) + " of " + address +
                      " is in use: another program, or another training, listens there. Choose another "
                      "MASTER_PORT, the same for all processes, or end the other one.");
  }
  throw Error(ErrorCode::process_group, "Rank 0 can't listen at " + address + ":" + std::to_string(port) +
                                            ": " + std::strerror(errno) + ". Choose another MASTER_PORT.");
}

bool is_anybody_at(const std::string& address, uint16_t port) {
  int failure = 0;
  for (const Place& place : places_of(address.c_str(), port, 0, failure)) {
    if (connects_to(place)) return true;
  }
  return false;
}

}  // namespace iba
