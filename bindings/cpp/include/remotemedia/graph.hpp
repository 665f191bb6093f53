// SPDX-License-Identifier: MIT OR Apache-2.0
// `Graph`: a manifest that is built in code, of the node types in nodes.hpp and of functions. It knows the manifest's
// layout (docs/manifest.md), and checks nothing: the runtime does, and reports all problems at once.

#pragma once

#include "host_node.hpp"

#include <map>
#include <unordered_set>

namespace remotemedia {

/// A param that has no default: leaving it out does not compile.
template <typename T> class Required {
  public:
    template <typename U>
        requires std::constructible_from<T, U> && (!std::same_as<std::remove_cvref_t<U>, Required>)
    Required(U &&value) : value_(std::forward<U>(value)) {
    }
    const T &operator*() const noexcept {
        return value_;
    }

  private:
    T value_;
};

/// A param that is an int or a float: it stays what it was given as.
class Number {
  public:
    template <typename T>
        requires(detail::Integer<T> || std::floating_point<T>)
    Number(T value) : value_(value) {
    }
    operator Value() const {
        return value_;
    }

  private:
    Value value_;
};

/// A node of a manifest: its type, its id, and the params that were given.
struct Node {
    std::string type;
    /// Without an id it is the type in lower case, with a number where a graph has it already.
    std::string id{};
    Map params{};
    /// What an error of it means, as docs/manifest.md has it: `skip`, or a map; null for the default.
    Value on_error{};
    /// The function of a node of this program; null for other nodes.
    std::shared_ptr<const HostNode> function{};
};

/// A node of this program, under a type of its own: where a graph has another function of that type already, it puts a
/// number behind it.
inline Node host_node(std::string type, HostNode function) {
    return {std::move(type), {}, {}, {}, std::make_shared<const HostNode>(std::move(function))};
}

namespace detail {

/// What has the type and the params of a node: the structs in nodes.hpp, and `Node` itself.
template <typename T>
concept NodeLike = std::same_as<std::remove_cvref_t<T>, Node> || requires(const T &node) {
    { node.node() } -> std::same_as<Node>;
};

} // namespace detail

/// Nodes and their connections.
class Graph {
  public:
    explicit Graph(std::string name = "pipeline") : name_(std::move(name)) {
    }

    /// Adds a node without a connection, and returns its id. What `>>` adds next follows on it.
    template <detail::NodeLike T> std::string add(T &&node) {
        if constexpr (std::same_as<std::remove_cvref_t<T>, Node>) {
            return append(std::forward<T>(node));
        } else {
            return append(node.node());
        }
    }

    /// Connects two nodes, or ports of them: `id` or `id.port`. The edge may have a delay, as feedback has.
    Graph &connect(std::string_view from, std::string_view to, Value options = {}) {
        Map connection{{"from", from}, {"to", to}};
        if (!options.is_null()) {
            for (const auto &[key, value] : options.as<Map>()) connection[key] = value;
        }
        connections_.emplace_back(std::move(connection));
        return *this;
    }

    /// Names an input of the graph, which leads to one end or a list of them. A second one of the same name is
    /// refused with `std::invalid_argument`.
    Graph &input(std::string_view name, Value ends) {
        if (inputs_.contains(name)) refuse("inputs", name, "name all that an input leads to in one call of `input`");
        inputs_[name] = std::move(ends);
        return *this;
    }
    /// Names an output of the graph; a second one of the same name is refused as well.
    Graph &output(std::string_view name, std::string_view end) {
        if (outputs_.contains(name)) refuse("outputs", name, "give each of them a name of its own");
        outputs_[name] = end;
        return *this;
    }

    /// Adds a node behind the one that was added last.
    template <detail::NodeLike T> Graph &operator>>(T &&node) & {
        const std::string before = last_;
        const std::string id = add(std::forward<T>(node));
        if (!before.empty()) connect(before, id);
        return *this;
    }
    template <detail::NodeLike T> Graph operator>>(T &&node) && {
        *this >> std::forward<T>(node);
        return std::move(*this);
    }

    /// The manifest, as docs/manifest.md has it.
    Map manifest() const {
        Map map{{"version", "v1"}, {"metadata", Map{{"name", name_}}}, {"nodes", nodes_}};
        if (!connections_.empty()) map["connections"] = connections_;
        if (!inputs_.empty()) map["inputs"] = inputs_;
        if (!outputs_.empty()) map["outputs"] = outputs_;
        return map;
    }

    /// The functions among its nodes, by their types.
    std::map<std::string, HostNode> functions() const {
        std::map<std::string, HostNode> found;
        for (const auto &[type, function] : functions_) found.emplace(type, *function);
        return found;
    }

  private:
    [[noreturn]] static void refuse(std::string_view ends, std::string_view name, std::string_view cure) {
        throw std::invalid_argument("two " + std::string(ends) + " are called '" + std::string(name) + "'; " +
                                    std::string(cure));
    }

    std::string append(Node node) {
        std::string id = node.id;
        if (id.empty()) {
            id = node.type;
            for (char &each : id) each = each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
            const std::string first = id;
            for (int number = 2; ids_.contains(id); number++) id = first + std::to_string(number);
        }
        ids_.insert(id);
        Map map{{"id", id}, {"node_type", node.function ? type_of(node) : node.type}};
        if (!node.params.empty()) map["params"] = std::move(node.params);
        if (!node.on_error.is_null()) map["on_error"] = std::move(node.on_error);
        nodes_.emplace_back(std::move(map));
        last_ = id;
        return id;
    }

    /// The type under which the manifest has the function of a node. The same function is the same type.
    std::string type_of(const Node &node) {
        std::string type = node.type;
        for (int number = 2; functions_.try_emplace(type, node.function).first->second != node.function; number++)
            type = node.type + "_" + std::to_string(number);
        return type;
    }

    std::string name_, last_;
    List nodes_, connections_;
    Map inputs_, outputs_;
    std::unordered_set<std::string> ids_;
    std::map<std::string, std::shared_ptr<const HostNode>> functions_;
};

} // namespace remotemedia
