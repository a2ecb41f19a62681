#include "server/parked_answer.h"

namespace hull {

std::shared_ptr<ParkedAnswer> ParkedAnswer::start(ServerContext& context, Responder respond,
                                                  std::chrono::milliseconds patience,
                                                  std::function<HttpResponse()> late,
                                                  std::function<HttpResponse()> stopped) {
  std::shared_ptr<ParkedAnswer> self(new ParkedAnswer(context, std::move(respond)));
  const uint64_t parked =
      context.parked.add([self, stopped = std::move(stopped)] { self->answer(stopped()); });
  auto timer = context.timers->after(patience, [self, late = std::move(late)] { self->answer(late()); });
  bool answered = false;
  {
    std::lock_guard lock(self->mutex_);
    answered = !self->respond_;
    if (!answered) {
      self->parked_ = parked;
      self->timer_ = std::move(timer);
    }
  }
  if (answered) context.parked.remove(parked);
  return self;
}

void ParkedAnswer::answer(HttpResponse response) {
  Responder respond;
  std::shared_ptr<void> timer, source;  // dropped outside the lock
  uint64_t parked = 0;
  {
    std::lock_guard lock(mutex_);
    respond.swap(respond_);
    timer.swap(timer_);
    source.swap(source_);
    std::swap(parked, parked_);
  }
  context_.parked.remove(parked);
  if (respond) respond(std::move(response));
}

void ParkedAnswer::hold(std::shared_ptr<void> source) {
  std::lock_guard lock(mutex_);
  if (respond_) source_.swap(source);
}

}  // namespace hull
