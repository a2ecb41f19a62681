// Query streams of one call. The server answers a request for the next document with a page of them; the
// documents after the first are handed to JavaScript without asking again, as long as the server marked them
// affordable.
//
// A query lives from 1.0/queryStream (answered here; the server learns of it with the first request for a
// document) until its end was reported or 1.0/queryCleanup. Isolate thread only.
#pragma once

#include <stdint.h>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "worker/protocol.pb.h"

namespace hull::worker {

class ReadAhead {
 public:
  // `args_json` is the argument object of 1.0/queryStream. nullopt if it is not an object.
  std::optional<uint32_t> Open(std::string_view args_json);
  bool Exists(uint32_t query) const { return queries_.contains(query); }
  // True if the query existed; *tell_server says whether the server holds state for it.
  bool Close(uint32_t query, bool* tell_server);

  // The result of the next 1.0/queryStreamNext if it is known here. Reports the end once, then forgets the
  // query.
  std::optional<std::string> Next(uint32_t query);
  // True if Next would have a result.
  bool Ready(uint32_t query) const;
  // True while a request of this query is on its way: its answer decides what comes next.
  bool asking(uint32_t query) const;
  // Arguments of the request to send; marks the query as asking.
  std::string Ask(uint32_t query);
  // Takes the server's page. The first row is always handed out: it is what was asked for. False if the page
  // is empty though the stream goes on.
  bool Answer(uint32_t query, wire::Rows rows);
  // The request was answered by something else than a page (an error).
  void AnswerFailed(uint32_t query);

  // Rows handed out since the last call.
  void TakeConsumed(google::protobuf::RepeatedPtrField<wire::Consumed>* into);

 private:
  struct Query {
    std::string args;  // until the server knows the query
    bool known = false;
    bool asking = false;
    bool exhausted = false;
    bool first_row = false;
    std::deque<wire::Row> rows;
  };

  std::map<uint32_t, Query> queries_;
  std::map<uint32_t, uint32_t> consumed_;
  uint32_t next_id_ = 0;
};

}  // namespace hull::worker
