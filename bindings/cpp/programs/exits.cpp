// SPDX-License-Identifier: MIT OR Apache-2.0
// Ends in one way with work under way: `exits WAY`, as tests/conformance/README.md lists them. The driver of
// that suite repeats it.

#include <remotemedia.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <sys/wait.h>
#include <unistd.h>

namespace rm = remotemedia;

namespace {

/// A session, ten runs, and a function in a call.
struct UnderWay {
    rm::Runtime runtime;
    std::shared_ptr<std::atomic<int>> entered = std::make_shared<std::atomic<int>>(0);
    rm::Pipeline sum{runtime, rm::Graph() >> rm::Node{"Calculator", {}, {{"operation", "add"}, {"operand", 1}}}};
    rm::Pipeline own{runtime, rm::Graph() >>
                                  rm::host_node("Own", [entered = entered](const rm::HostPacket &, rm::Emitter &emit) {
                                      entered->fetch_add(1);
                                      while (!emit.stop_token().stop_requested()) usleep(100);
                                  })};
    rm::Session session = sum.session();
    std::vector<rm::Execution> runs;
    rm::Execution call = own.execute({1});

    UnderWay() {
        session.send(rm::Bytes::copy(std::string(1'000'000, 'x')));
        rm::List inputs;
        for (int number = 0; number < 1000; number++) inputs.emplace_back(number);
        for (int number = 0; number < 10; number++) runs.push_back(sum.execute(inputs));
        while (entered->load() == 0) usleep(100);
    }
};

UnderWay *global = nullptr;

struct Static {
    std::unique_ptr<UnderWay> held;
};

int run(const std::string &way) {
    if (way == "handler") {
        std::atexit([] {
            try {
                rm::Execution late = global->sum.execute({1});
                late.wait_for(std::chrono::seconds(1));
            } catch (const rm::Error &) {
                // It may be shut down already.
            }
            delete global;
        });
        global = new UnderWay;
        return 0;
    }
    if (way == "static") {
        static Static objects;
        objects.held = std::make_unique<UnderWay>();
        return 0;
    }
    if (way == "closed") {
        const UnderWay here;
        return 0;
    }
    if (way == "shared") {
        // The runtime that no option was asked for, with its exit handler.
        static const rm::Pipeline pipeline(rm::Graph() >> rm::Node{"PassThrough"});
        static rm::Session session = pipeline.session();
        session.send(1);
        return 0;
    }
    global = new UnderWay;
    if (way == "return") return 0;
    if (way == "exit") {
        std::thread([] { std::exit(3); }).detach();
        for (;;) pause();
    }
    if (way == "quick") _exit(4);
    if (way == "worker") {
        std::thread([] {
            UnderWay own;
            own.runs.clear();
        }).join();
        return 0;
    }
    if (way == "uncaught") {
        // The default handler would print.
        std::set_terminate([] { std::abort(); });
        throw std::runtime_error("nothing catches this");
    }
    if (way == "signal") {
        std::thread([] {
            usleep(1000);
            kill(getpid(), SIGTERM);
        }).detach();
        global->call.wait();
        return 0;
    }
    if (way == "fork") {
        const pid_t child = fork();
        if (child == 0) {
            // A child has its own, and leaves what it inherited.
            const rm::Pipeline pipeline(rm::Graph() >> rm::Node{"PassThrough"});
            const bool works = pipeline.run({1}).values() == rm::List{1};
            delete global;
            std::exit(works ? 0 : 1);
        }
        int status = 0;
        waitpid(child, &status, 0);
        delete global;
        return status;
    }
    std::fprintf(stderr, "there is no way %s\n", way.c_str());
    return 2;
}

} // namespace

int main(int argc, char **argv) {
    return run(argc > 1 ? argv[1] : "");
}
