#pragma once

#include <cstdint>
#include <string>

namespace iba {

/// Opens the port where processes meet, and gives its socket, which listens at
/// `address` alone where that is one of this machine: an IP address, or a name that stands for one that
/// others can reach. A name that means the loopback, other than "localhost", and addresses of other machines
/// in front of this one, such as a service's, make it listen everywhere. Throws PROCESS_GROUP where the port
/// is in use or the name stands for nothing.
int open_meeting_place(const std::string& address, uint16_t port);

/// Whether anything takes connections there; answers within a second.
bool is_anybody_at(const std::string& address, uint16_t port);

}  // namespace iba
