// SPDX-License-Identifier: MIT OR Apache-2.0
// remotemedia for C++20: media pipelines on native threads. All of the library but the node types in
// <remotemedia/nodes.hpp> and the adapter in <remotemedia/asio.hpp>. Link with remotemedia::remotemedia.

#pragma once

#include "remotemedia/json.hpp"
#include "remotemedia/session.hpp"
