// SPDX-License-Identifier: MIT OR Apache-2.0
// Exceptions: a class for each failing status, with the fields of the detail. It knows values, and how a detail is laid
// out (docs/abi.md).

#pragma once

#include "value.hpp"

#include <exception>

namespace remotemedia {

/// The failing statuses of the C ABI.
enum class Status : rm_status {
    invalid_argument = RM_INVALID_ARGUMENT,
    invalid_manifest = RM_INVALID_MANIFEST,
    invalid_document = RM_INVALID_DOCUMENT,
    execution_failed = RM_EXECUTION_FAILED,
    cancelled = RM_CANCELLED,
    timed_out = RM_TIMED_OUT,
    shut_down = RM_SHUT_DOWN,
    gone = RM_GONE,
    poisoned = RM_POISONED,
    panic = RM_PANIC,
    forked = RM_FORKED,
    out_of_resources = RM_OUT_OF_RESOURCES,
    limit_exceeded = RM_LIMIT_EXCEEDED,
    unsupported = RM_UNSUPPORTED,
};

/// The name of a status in the C ABI, such as `RM_TIMED_OUT`.
inline const char *name_of(Status status) noexcept {
    return rm_status_name(static_cast<rm_status>(status));
}

/// A mistake in a manifest.
struct Problem {
    /// Where in the manifest, such as `nodes[1].params.rate`.
    std::string path;
    std::string message;
    /// The place in the text of the manifest, counted from 1.
    std::optional<std::int64_t> line, column;
    std::optional<std::string> expected, got, suggestion;
};

/// What is known of a failure. Each field is empty where it does not apply.
struct ErrorDetail {
    /// The two halves of the message.
    std::optional<std::string> cause, cure;
    std::optional<std::string> node_id, node_type;
    /// The number of the input, from 0, and its file name.
    std::optional<std::int64_t> item;
    std::optional<std::string> input;
    /// The place in the media time of the input.
    std::optional<std::int64_t> position_ns;
    /// The causes of the cause, nearest first.
    std::vector<std::string> chain;
    /// What is wrong with a manifest, the first 100 problems.
    std::vector<Problem> problems;
    /// What a function of this program threw; null where the failure has another origin.
    std::exception_ptr exception;
};

class Outputs;

/// The base of all errors of remotemedia. `what()` is one sentence, or for a manifest a line for each problem.
class Error : public std::runtime_error {
  public:
    Error(Status status, const std::string &message, ErrorDetail detail = {})
        : std::runtime_error(message), status_(status),
          detail_(std::make_shared<const ErrorDetail>(std::move(detail))) {
    }

    Status status() const noexcept {
        return status_;
    }
    const ErrorDetail &detail() const noexcept {
        return *detail_;
    }
    const std::optional<std::string> &node_id() const noexcept {
        return detail_->node_id;
    }
    const std::optional<std::string> &node_type() const noexcept {
        return detail_->node_type;
    }
    const std::vector<Problem> &problems() const noexcept {
        return detail_->problems;
    }
    /// What a function of this program threw, the same object; null where the failure has another origin.
    std::exception_ptr exception() const noexcept {
        return detail_->exception;
    }

  private:
    Status status_;
    std::shared_ptr<const ErrorDetail> detail_;
};

namespace detail {

/// A class of its own for a status.
template <Status status_of_class> class StatusError : public Error {
  public:
    explicit StatusError(const std::string &message, ErrorDetail detail = {})
        : Error(status_of_class, message, std::move(detail)) {
    }
};

} // namespace detail

/// An argument is outside its range.
class InvalidArgument : public detail::StatusError<Status::invalid_argument> {
  public:
    using StatusError::StatusError;
};
/// A manifest is refused; `problems()` lists its mistakes.
class ManifestError : public detail::StatusError<Status::invalid_manifest> {
  public:
    using StatusError::StatusError;
};
/// A value or a document can't cross between the program and the runtime.
class DocumentError : public detail::StatusError<Status::invalid_document> {
  public:
    using StatusError::StatusError;
};
/// The runtime is shut down.
class ShutDown : public detail::StatusError<Status::shut_down> {
  public:
    using StatusError::StatusError;
};
/// The work or the call has ended already.
class Gone : public detail::StatusError<Status::gone> {
  public:
    using StatusError::StatusError;
};
/// A handle of the parent process was used after a fork.
class Forked : public detail::StatusError<Status::forked> {
  public:
    using StatusError::StatusError;
};
/// The system gave no descriptor or thread.
class OutOfResources : public detail::StatusError<Status::out_of_resources> {
  public:
    using StatusError::StatusError;
};
/// Something is larger than a limit of the runtime.
class LimitExceeded : public detail::StatusError<Status::limit_exceeded> {
  public:
    using StatusError::StatusError;
};
/// This system can't do it.
class Unsupported : public detail::StatusError<Status::unsupported> {
  public:
    using StatusError::StatusError;
};

/// Work has failed, was cancelled or has timed out. `errors()` are those of the nodes, the first one first; `outputs()`
/// holds what had come out until then.
class WorkError : public Error {
  public:
    WorkError(Status status, const std::string &message, ErrorDetail detail = {}, std::vector<WorkError> others = {},
              std::shared_ptr<const Outputs> outputs = {})
        : Error(status, message, std::move(detail)),
          others_(std::make_shared<const std::vector<WorkError>>(std::move(others))), outputs_(std::move(outputs)) {
    }

    /// The errors of other nodes that came after this one.
    const std::vector<WorkError> &others() const noexcept {
        return *others_;
    }
    /// What had come out before the failure; null where nothing is known.
    const std::shared_ptr<const Outputs> &outputs() const noexcept {
        return outputs_;
    }

  private:
    std::shared_ptr<const std::vector<WorkError>> others_;
    std::shared_ptr<const Outputs> outputs_;
};

/// A node failed; `node_id()`, `detail().item` and the other fields say where.
class NodeError : public WorkError {
  public:
    using WorkError::WorkError;
};

/// A function of this program failed as a node. What it threw is `exception()`, and nested in this exception:
/// `std::rethrow_if_nested` throws it.
class HostNodeError : public NodeError, public std::nested_exception {
  public:
    using NodeError::NodeError;
};

/// The work was cancelled.
class Cancelled : public WorkError {
  public:
    using WorkError::WorkError;
};

/// The work took longer than its timeout.
class TimedOut : public WorkError {
  public:
    using WorkError::WorkError;
};

/// The pipeline has panicked before; make it anew.
class Poisoned : public WorkError {
  public:
    using WorkError::WorkError;
};

/// A defect in the library; please report the message.
class Panic : public WorkError {
  public:
    using WorkError::WorkError;
};

namespace detail {

inline std::optional<std::string> text_at(const Value &map, std::string_view key) {
    const Value *found = map.find(key);
    const std::string *text = found ? found->get_if<std::string>() : nullptr;
    return text ? std::optional(*text) : std::nullopt;
}

inline std::optional<std::int64_t> int_at(const Value &map, std::string_view key) {
    const Value *found = map.find(key);
    const std::int64_t *number = found ? found->get_if<std::int64_t>() : nullptr;
    return number ? std::optional(*number) : std::nullopt;
}

/// The fields of a detail document, but for the exception.
inline ErrorDetail read_detail(const Value &map) {
    ErrorDetail detail;
    detail.cause = text_at(map, "cause");
    detail.cure = text_at(map, "cure");
    detail.node_id = text_at(map, "node_id");
    detail.node_type = text_at(map, "node_type");
    detail.item = int_at(map, "item");
    detail.input = text_at(map, "input");
    detail.position_ns = int_at(map, "position_ns");
    const Value *chain = map.find("chain");
    if (const List *causes = chain ? chain->get_if<List>() : nullptr) {
        for (const Value &cause : *causes) {
            if (const auto *text = cause.get_if<std::string>()) detail.chain.push_back(*text);
        }
    }
    const Value *problems = map.find("problems");
    if (const List *entries = problems ? problems->get_if<List>() : nullptr) {
        for (const Value &entry : *entries) {
            detail.problems.push_back({text_at(entry, "path").value_or(""), text_at(entry, "message").value_or(""),
                                       int_at(entry, "line"), int_at(entry, "column"), text_at(entry, "expected"),
                                       text_at(entry, "got"), text_at(entry, "suggestion")});
        }
    }
    return detail;
}

/// An exception of the class for a status. One of the host is nested in it where the detail has it.
inline std::exception_ptr make_error(Status status, const std::string &message, ErrorDetail detail,
                                     std::vector<WorkError> others = {}, std::shared_ptr<const Outputs> outputs = {}) {
    switch (status) {
    case Status::invalid_argument:
        return std::make_exception_ptr(InvalidArgument(message, std::move(detail)));
    case Status::invalid_manifest:
        return std::make_exception_ptr(ManifestError(message, std::move(detail)));
    case Status::invalid_document:
        return std::make_exception_ptr(DocumentError(message, std::move(detail)));
    case Status::shut_down:
        return std::make_exception_ptr(ShutDown(message, std::move(detail)));
    case Status::gone:
        return std::make_exception_ptr(Gone(message, std::move(detail)));
    case Status::forked:
        return std::make_exception_ptr(Forked(message, std::move(detail)));
    case Status::out_of_resources:
        return std::make_exception_ptr(OutOfResources(message, std::move(detail)));
    case Status::limit_exceeded:
        return std::make_exception_ptr(LimitExceeded(message, std::move(detail)));
    case Status::unsupported:
        return std::make_exception_ptr(Unsupported(message, std::move(detail)));
    case Status::cancelled:
        return std::make_exception_ptr(Cancelled(status, message, std::move(detail), std::move(others), outputs));
    case Status::timed_out:
        return std::make_exception_ptr(TimedOut(status, message, std::move(detail), std::move(others), outputs));
    case Status::poisoned:
        return std::make_exception_ptr(Poisoned(status, message, std::move(detail), std::move(others), outputs));
    case Status::panic:
        return std::make_exception_ptr(Panic(status, message, std::move(detail), std::move(others), outputs));
    case Status::execution_failed:
        break;
    }
    if (detail.exception) {
        // A nested exception takes what is being handled when it is made.
        try {
            std::rethrow_exception(detail.exception);
        } catch (...) {
            return std::make_exception_ptr(
                HostNodeError(status, message, std::move(detail), std::move(others), std::move(outputs)));
        }
    }
    if (detail.node_id) {
        return std::make_exception_ptr(
            NodeError(status, message, std::move(detail), std::move(others), std::move(outputs)));
    }
    return std::make_exception_ptr(
        WorkError(status, message, std::move(detail), std::move(others), std::move(outputs)));
}

} // namespace detail
} // namespace remotemedia
