// SPDX-License-Identifier: MIT OR Apache-2.0
// Plays scenarios: each verb is a method of `Player`.

#include "json_file.hpp"
#include "own_nodes.hpp"
#include "scenario_values.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace {

constexpr std::chrono::seconds patience{10};

const std::set<std::string> features{
    "host_nodes",  "host_stream", "host_ends", "host_ports", "host_batch", "runtimes", "shutdown",   "loans",
    "same_memory", "live",        "try_send",  "plan",       "metrics",    "progress", "named_ends", "interrupt_part"};

/// Waits until a condition holds that another thread makes true.
void until(const std::function<bool()> &holds, const std::string &what) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline) throw Failed("after 10 s: " + what);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

class Player {
  public:
    explicit Player(const rm::List &steps) : steps_(steps) {
        for (int number = 0; number < 10; number++) {
            exceptions_->push_back(std::make_exception_ptr(Numbered("exception " + std::to_string(number))));
        }
    }

    void play() {
        const rm::Value before_all = rm::live_objects();
        runtimes_.emplace("", rm::Runtime());
        {
            // Its ports are made at the first use, and kept.
            const rm::Pipeline warm(runtimes_.at(""), rm::Graph() >> rm::Node{"PassThrough"});
            warm.run({1});
            warm.execute({1}).get();
        }
        until([] { return rm::live_objects()["runs"] == rm::Value(0); }, "the first run is still there");
        before_ = rm::live_objects();
        std::size_t number = 0;
        for (const rm::Value &step : steps_) {
            number++;
            try {
                take(step["do"].as<std::string>(), step);
            } catch (const Skip &) {
                throw;
            } catch (const Failed &failure) {
                throw Failed("step " + std::to_string(number) + " (" + step["do"].as<std::string>() +
                             "): " + failure.what());
            } catch (const std::out_of_range &failure) {
                throw Failed("step " + std::to_string(number) + " (" + step["do"].as<std::string>() +
                             "): " + failure.what());
            }
        }
        if (error_) throw Failed("the last step failed: " + text_of(error_));
        before_ = before_all;
        end();
    }

  private:
    using Step = rm::Value;

    static std::string text_of(const std::exception_ptr &error) {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception &found) {
            return found.what();
        }
    }

    void take(const std::string &verb, const Step &step) {
        static const std::map<std::string, void (Player::*)(const Step &)> verbs{
            {"runtime", &Player::runtime},
            {"pipeline", &Player::pipeline},
            {"run", &Player::run},
            {"submit", &Player::submit},
            {"wait", &Player::wait},
            {"cancel", &Player::cancel},
            {"session", &Player::session},
            {"send", &Player::send},
            {"receive", &Player::receive},
            {"finish", &Player::finish},
            {"control", &Player::control},
            {"reply", &Player::reply},
            {"lend", &Player::lend},
            {"shutdown", &Player::shutdown},
            {"close", &Player::close},
            {"expect_values", &Player::expect_values},
            {"expect_error", &Player::expect_error},
            {"expect_called", &Player::expect_called},
            {"expect_batches", &Player::expect_batches},
            {"expect_closed", &Player::expect_closed},
            {"expect_memory", &Player::expect_memory},
            {"expect_same_memory", &Player::expect_same_memory},
            {"expect_live", &Player::expect_live},
            {"describe", &Player::describe}};
        const auto found = verbs.find(verb);
        if (found == verbs.end()) throw Failed("there is no such verb");
        if (verb == "expect_error") return expect_error(step);
        if (error_) throw Failed("the step before failed: " + text_of(error_));
        try {
            (this->*found->second)(step);
        } catch (const rm::Error &) {
            error_ = std::current_exception();
        }
    }

    void end() {
        for (auto &[name, work] : work_) work.cancel();
        for (auto &[name, work] : work_) {
            if (!work.wait_for(patience)) throw Failed("work " + name + " does not end");
        }
        work_.clear();
        for (auto &[name, session] : sessions_) session.cancel();
        for (auto &[name, own] : own_) own->permit(1000);
        sessions_.clear();
        pipelines_.clear();
        // Outputs may hold memory of the runtime.
        result_ = {};
        runtimes_.clear();
        for (const auto &[name, own] : own_) {
            if (own->is_forgotten) throw Failed("for 10 s nobody told a call of " + name + " that it is not wanted");
        }
        own_.clear();
        lent_.clear();
        wait_live({});
    }

    static const std::string &text(const Step &step, std::string_view key) {
        return step[key].as<std::string>();
    }

    rm::Runtime &runtime_of(const Step &step) {
        const rm::Value *name = step.find("runtime");
        return runtimes_.at(name ? name->as<std::string>() : "");
    }

    void runtime(const Step &step) {
        rm::RuntimeOptions options;
        if (const rm::Value *config = step.find("config")) options.config = config->as<rm::Map>();
        runtimes_.emplace(text(step, "as"), rm::Runtime(std::move(options)));
    }

    void pipeline(const Step &step) {
        rm::Pipeline::Functions functions;
        if (const rm::Value *nodes = step.find("host_nodes")) {
            for (const auto &[type, options] : nodes->as<rm::Map>()) {
                auto own = std::make_shared<OwnNode>(options, exceptions_);
                functions.emplace(type, own->node());
                own_[type] = std::move(own);
            }
        }
        rm::Runtime &runtime = runtime_of(step);
        const rm::Value *manifest = step.find("text");
        pipelines_.insert_or_assign(text(step, "as"),
                                    manifest ? rm::Pipeline(runtime, manifest->as<std::string>(), functions)
                                             : rm::Pipeline(runtime, step["manifest"].as<rm::Map>(), functions));
    }

    rm::Value inputs_of(const Step &step) const {
        const rm::Value *inputs = step.find("inputs");
        return inputs ? built(*inputs, lent_) : rm::Value();
    }

    static rm::RunOptions options_of(const Step &step) {
        rm::RunOptions options;
        if (const rm::Value *timeout = step.find("timeout_ms")) {
            options.timeout = std::chrono::microseconds(static_cast<std::int64_t>(timeout->number() * 1000));
        }
        return options;
    }

    void run(const Step &step) {
        result_ = {};
        result_ = pipelines_.at(text(step, "pipeline")).run(inputs_of(step), options_of(step));
    }

    void submit(const Step &step) {
        work_.insert_or_assign(text(step, "as"),
                               pipelines_.at(text(step, "pipeline")).execute(inputs_of(step), options_of(step)));
    }

    void wait(const Step &step) {
        result_ = {};
        if (const rm::Value *session = step.find("session")) {
            return sessions_.at(session->as<std::string>()).wait({.timeout = patience});
        }
        const auto found = work_.find(text(step, "work"));
        if (found == work_.end()) throw Failed("there is no such work");
        rm::Execution &work = found->second;
        if (!work.wait_for(patience)) throw Failed("it does not end");
        result_ = work.get();
    }

    void cancel(const Step &step) {
        const rm::Value *session = step.find("session");
        const bool was_alive =
            session ? sessions_.at(session->as<std::string>()).cancel() : work_.at(text(step, "work")).cancel();
        const rm::Value *gone = step.find("gone");
        same(gone ? gone->as<bool>() : false, !was_alive, "whether it has ended already");
    }

    void session(const Step &step) {
        rm::SessionOptions options;
        if (const rm::Value *given = step.find("options")) options.more = given->as<rm::Map>();
        sessions_.insert_or_assign(text(step, "as"), pipelines_.at(text(step, "pipeline")).session(options));
    }

    void send(const Step &step) {
        rm::Session &session = sessions_.at(text(step, "session"));
        const rm::Value *taken = step.find("taken");
        std::int64_t sent = 0;
        for (const rm::Value &packet : step["packets"].as<rm::List>()) {
            const rm::Value value = built(packet["value"], lent_);
            const rm::SendAt at{time_of(packet, "pts"), time_of(packet, "duration"),
                                packet.find("to") ? std::string_view(text(packet, "to")) : std::string_view()};
            if (!taken)
                session.send(value, at, {.timeout = patience});
            else if (!session.try_send(value, at))
                break;
            sent++;
        }
        if (taken) same(*taken, sent, "taken");
    }

    static std::optional<std::int64_t> time_of(const rm::Value &row, std::string_view key) {
        const rm::Value *time = row.find(key);
        return time && !time->is_null() ? std::optional(time->as<std::int64_t>()) : std::nullopt;
    }

    void receive(const Step &step) {
        rm::Session &session = sessions_.at(text(step, "session"));
        std::optional<rm::PacketRange> one;
        if (const rm::Value *output = step.find("output")) one = session.output(output->as<std::string>());
        const auto next = [&]() -> std::optional<rm::Packet> {
            try {
                return one ? one->receive({.timeout = patience}) : session.receive({.timeout = patience});
            } catch (const rm::TimedOut &error) {
                if (!error.outputs()) throw Failed("nothing came within 10 s");
                return std::nullopt;
            } catch (const rm::Error &) {
                // `wait` throws what ended it.
                return std::nullopt;
            }
        };
        std::size_t index = 0;
        for (const rm::Value &row : step["rows"].as<rm::List>()) {
            const auto packet = next();
            const std::string where = " of row " + std::to_string(index++);
            if (!packet) throw Failed("the session has ended before row " + std::to_string(index - 1));
            const rm::Map found{{"value", packet->value},  {"pts", packet->pts},       {"duration", packet->duration},
                                {"seq", packet->sequence}, {"stream", packet->stream}, {"output", packet->output},
                                {"item", packet->item}};
            for (const auto &[key, value] : row.as<rm::Map>()) {
                same(key == "value" ? built(value, lent_) : value, found.at(key), key + where);
            }
        }
        const rm::Value *then = step.find("then");
        if (!then) return;
        if (then->as<std::string>() == "end") {
            if (const auto packet = next()) throw Failed("expected the end, got " + shown(packet->value));
        } else if (const auto packet = one ? one->try_receive() : session.try_receive()) {
            throw Failed("expected nothing, got " + shown(packet->value));
        }
    }

    void finish(const Step &step) {
        sessions_.at(text(step, "session")).finish();
    }

    void control(const Step &step) {
        sessions_.at(text(step, "session")).control(step["control"]);
    }

    void reply(const Step &step) {
        const rm::Value *times = step.find("times");
        own_.at(text(step, "node"))->permit(times ? times->as<std::size_t>() : 1);
    }

    void lend(const Step &step) {
        lent_.insert_or_assign(text(step, "as"), ramp(step["bytes"].as<std::size_t>()));
    }

    void shutdown(const Step &step) {
        const bool has_ended = runtime_of(step).shut_down(std::chrono::milliseconds(step["patience_ms"].as<int>()));
        same(step["ends"], has_ended, "whether everything has ended");
    }

    void close(const Step &step) {
        if (const rm::Value *name = step.find("session")) sessions_.erase(name->as<std::string>());
        if (const rm::Value *name = step.find("pipeline")) pipelines_.erase(name->as<std::string>());
        if (const rm::Value *name = step.find("runtime")) runtimes_.erase(name->as<std::string>());
    }

    void compare_outputs(const rm::Outputs &found, const rm::Value &expected) const {
        for (const rm::Output &output : found) {
            if (!output.values.empty() && !expected.find(output.name))
                throw Failed("there is an output " + output.name);
        }
        for (const auto &[name, values] : expected.as<rm::Map>()) {
            const rm::Output *output = found.find(name);
            same(built(values, lent_), output ? output->values : rm::List(), "values of " + name);
        }
    }

    void expect_values(const Step &step) {
        compare_outputs(result_, step["outputs"]);
        const auto column = [&](std::string_view key, auto &&entry) {
            const rm::Value *expected = step.find(key);
            if (!expected) return;
            for (const auto &[name, values] : expected->as<rm::Map>()) {
                rm::List found;
                const rm::Output &output = result_[name];
                for (std::size_t index = 0; index < output.values.size(); index++)
                    found.push_back(entry(output, index));
                same(values, found, std::string(key) + " of " + name);
            }
        };
        const auto time = [](const std::vector<std::optional<std::int64_t>> &times, std::size_t index) -> rm::Value {
            return times.empty() ? std::nullopt : times[index];
        };
        column("items",
               [](const rm::Output &output, std::size_t index) -> rm::Value { return output.items.at(index); });
        column("pts", [&](const rm::Output &output, std::size_t index) { return time(output.pts, index); });
        column("durations", [&](const rm::Output &output, std::size_t index) { return time(output.durations, index); });
        if (const rm::Value *skips = step.find("skips")) same(*skips, result_.skips(), "skips");
        if (const rm::Value *retries = step.find("retries")) same(*retries, result_.retries(), "retries");
    }

    void expect_error(const Step &step) {
        if (!error_) throw Failed("the step before did not fail");
        rm::Map expected = step.as<rm::Map>();
        rm::Map fields;
        for (const auto &[key, value] : expected) {
            if (key != "do") fields.append(key, value);
        }
        const std::exception_ptr error = std::exchange(error_, nullptr);
        try {
            std::rethrow_exception(error);
        } catch (const rm::Error &found) {
            check_error(found, fields, *exceptions_);
            if (const rm::Value *outputs = step.find("outputs")) {
                const auto *work = dynamic_cast<const rm::WorkError *>(&found);
                compare_outputs(work && work->outputs() ? *work->outputs() : rm::Outputs(), *outputs);
            }
        }
    }

    void expect_called(const Step &step) {
        const OwnNode &own = *own_.at(text(step, "node"));
        const auto times = step["times"].as<std::int64_t>();
        until([&] { return own.called >= times; }, std::to_string(own.called) + " packets");
        same(times, own.called.load(), "packets");
    }

    void expect_batches(const Step &step) {
        same(step["sizes"], own_.at(text(step, "node"))->sizes(), "sizes");
    }

    void expect_closed(const Step &step) {
        const OwnNode &own = *own_.at(text(step, "node"));
        const auto times = step["times"].as<std::int64_t>();
        until([&] { return own.closed >= times; }, std::to_string(own.closed) + " closed");
        same(times, own.closed.load(), "closed");
    }

    void expect_memory(const Step &step) {
        const rm::Bytes &memory = lent_.at(text(step, "memory"));
        const auto is_lent = [&] {
            return std::ranges::any_of(runtimes_, [&](const auto &entry) { return entry.second.has(memory); });
        };
        if (text(step, "is") == "lent")
            same(true, is_lent(), "lent");
        else
            until([&] { return !is_lent(); }, "it is still lent");
    }

    void expect_same_memory(const Step &step) {
        const rm::Value &value = result_[text(step, "output")].values.at(step["index"].as<std::size_t>());
        if (value.as<rm::Bytes>().data() != lent_.at(text(step, "memory")).data())
            throw Failed("it has another address");
    }

    void expect_live(const Step &step) {
        const rm::Value *more = step.find("more");
        rm::Map added = more ? more->as<rm::Map>() : rm::Map();
        wait_live(added, more != nullptr);
    }

    void wait_live(const rm::Map &more, bool only_named = false) {
        rm::Value found;
        const auto matches = [&] {
            found = rm::live_objects();
            for (const auto &[name, count] : before_.as<rm::Map>()) {
                const rm::Value *wanted = more.find(name);
                if (only_named && !wanted) continue;
                if (found[name].as<std::int64_t>() !=
                    count.as<std::int64_t>() + (wanted ? wanted->as<std::int64_t>() : 0)) {
                    return false;
                }
            }
            return true;
        };
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (!matches()) {
            if (std::chrono::steady_clock::now() > deadline) {
                throw Failed("live objects: before " + shown(before_) + ", now " + shown(found));
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
    }

    void describe(const Step &step) {
        if (const rm::Value *name = step.find("pipeline")) {
            contained(step["has"], pipelines_.at(name->as<std::string>()).describe(), "plan");
        } else if (const rm::Value *session = step.find("session")) {
            contained(step["has"], sessions_.at(session->as<std::string>()).metrics(), "metrics");
        } else {
            const auto open = sessions_.find(text(step, "work"));
            const rm::Value progress =
                open == sessions_.end() ? work_.at(text(step, "work")).progress() : open->second.progress();
            contained(step["has"], progress, "progress");
        }
    }

    const rm::List &steps_;
    rm::Value before_;
    std::shared_ptr<std::vector<std::exception_ptr>> exceptions_ = std::make_shared<std::vector<std::exception_ptr>>();
    std::map<std::string, std::shared_ptr<OwnNode>> own_;
    Lent lent_;
    std::map<std::string, rm::Runtime> runtimes_;
    std::map<std::string, rm::Pipeline> pipelines_;
    std::map<std::string, rm::Execution> work_;
    std::map<std::string, rm::Session> sessions_;
    rm::Outputs result_;
    std::exception_ptr error_;
};

void play(const std::string &file) {
    const rm::Value scenario = JsonFile(file).value();
    if (scenario["schema"].as<std::string>() != "remotemedia.scenario" || scenario["version"].as<int>() != 1) {
        throw Failed("this version is not known");
    }
    for (const rm::Value &feature : scenario["needs"].as<rm::List>()) {
        if (!features.contains(feature.as<std::string>())) throw Skip("the host has no " + feature.as<std::string>());
    }
    Player(scenario["steps"].as<rm::List>()).play();
}

} // namespace

std::vector<Case> scenario_cases(const std::string &suite) {
    std::vector<Case> cases;
    const std::filesystem::path folder = std::filesystem::path(suite) / "scenarios";
    for (const auto &entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.path().extension() != ".json") continue;
        const std::string name = std::filesystem::relative(entry.path(), folder).replace_extension().string();
        cases.push_back({"scenario/" + name, [file = entry.path().string()] { play(file); }});
    }
    std::ranges::sort(cases, {}, &Case::name);
    return cases;
}
