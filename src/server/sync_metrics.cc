#include "server/sync_metrics.h"

namespace hull {
namespace {

using metrics::board_name;
const metrics::Labels kPartition = {{"partition_id", "0"}};  // there is one

}  // namespace

SyncCounters::SyncCounters()
    : transition_bytes(histogram("sync_transition_message_size_bytes", "Size of Transitions",
                                 metrics::bytes_buckets(), {})),
      query_set_size(histogram("sync_query_set_total", "Queries of a session after a change of its query set",
                               metrics::count_buckets(), {})),
      mutation_queue(histogram("sync_mutation_queue_seconds", "How long a mutation waited for earlier ones",
                               metrics::seconds_buckets(), {})),
      update_queries(histogram("sync_update_queries_seconds", "From the start of an update to its Transition",
                               metrics::seconds_buckets(), {{"status", "success"}})) {}

prometheus::Histogram& SyncCounters::histogram(std::string_view name, std::string help,
                                               const prometheus::Histogram::BucketBoundaries& buckets,
                                               const metrics::Labels& labels) {
  return metrics::histograms(registry_, board_name(name), std::move(help)).Add(labels, buckets);
}

metrics::Families SyncCounters::collect() const {
  metrics::Families out = registry_.Collect();
  auto count = [&out](std::string_view name, std::string help, const std::atomic<uint64_t>& value,
                      const metrics::Labels& labels = {}) {
    out.push_back(
        metrics::counter(board_name(name), std::move(help), static_cast<double>(value.load()), labels));
  };
  out.push_back(metrics::gauge(board_name("sync_protocol_websockets_total"), "Open sync websockets",
                               static_cast<double>(websockets.load()), kPartition));
  count("backend_ws_in_total", "Messages from clients", messages_in);
  count("backend_ws_out_total", "Messages to clients", messages_out, {{"endpoint", "sync"}});
  count("backend_ws_closed_total", "Closed sync websockets", closed, kPartition);
  count("backend_ws_server_error_total", "Sync websockets that the server closed with 1011", server_errors,
        {{"partition_id", "0"}, {"type", "InternalServerError"}});
  count("sync_transition_total", "Transitions", transitions, kPartition);
  count("sync_empty_transition_total", "Transitions without changes", empty_transitions, kPartition);
  count("sync_query_failed_total", "Failed results sent to clients", query_failed, kPartition);
  count("sync_query_result_dedup_total", "Results that ran again and had not changed", deduplicated,
        kPartition);
  count("sync_auth_error_total", "AuthError messages", auth_errors);
  return out;
}

}  // namespace hull
