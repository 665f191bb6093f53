// SPDX-License-Identifier: MIT OR Apache-2.0
// Runs and sessions as asynchronous operations of Asio: with any completion token, on the executor that belongs to it,
// cancelled by its cancellation slot. Needs asio.hpp (1.20 or newer).

#pragma once

#include <remotemedia.hpp>

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/dispatch.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>

namespace remotemedia {
namespace detail {

/// A handler of Asio, to be called once on its executor, which it keeps at work until then.
template <typename Executor, typename Handler> class AsioHandler {
  public:
    AsioHandler(const Executor &executor, Handler handler)
        : handler_(std::move(handler)), work_(asio::get_associated_executor(handler_, executor)) {
    }
    template <typename... Arguments> void operator()(Arguments... arguments) {
        asio::dispatch(work_.get_executor(),
                       [handler = std::move(handler_), ... arguments = std::move(arguments)]() mutable {
                           std::move(handler)(std::move(arguments)...);
                       });
        work_.reset();
    }
    Handler &handler() noexcept {
        return handler_;
    }

  private:
    Handler handler_;
    asio::executor_work_guard<asio::associated_executor_t<Handler, Executor>> work_;
};

} // namespace detail

/// Runs a pipeline: `void(std::exception_ptr, Outputs)`, such as
/// `Outputs outputs = co_await async_run(executor, pipeline, inputs, asio::use_awaitable)`.
template <typename Executor, typename CompletionToken>
auto async_run(const Executor &executor, const Pipeline &pipeline, Value inputs, CompletionToken &&token,
               RunOptions options = {}) {
    return asio::async_initiate<CompletionToken, void(std::exception_ptr, Outputs)>(
        [&pipeline, executor](auto handler, Value inputs, RunOptions options) {
            auto held =
                std::make_shared<detail::AsioHandler<Executor, decltype(handler)>>(executor, std::move(handler));
            auto slot = asio::get_associated_cancellation_slot(held->handler());
            std::shared_ptr<Execution> execution;
            try {
                execution = std::make_shared<Execution>(pipeline.execute(inputs, options));
            } catch (...) {
                asio::post(executor, [held, error = std::current_exception()] { (*held)(error, Outputs()); });
                return;
            }
            if (slot.is_connected()) {
                slot.assign([weak = std::weak_ptr<Execution>(execution)](asio::cancellation_type) {
                    if (const auto found = weak.lock()) found->cancel();
                });
            }
            execution->then([held, execution] {
                Outputs outputs;
                std::exception_ptr error;
                try {
                    outputs = execution->get();
                } catch (...) {
                    error = std::current_exception();
                }
                (*held)(error, std::move(outputs));
            });
        },
        token, std::move(inputs), std::move(options));
}

} // namespace remotemedia
