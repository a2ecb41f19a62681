// Settings of the memory allocator (jemalloc), read by it before main(). Memory freed by one thread and
// allocated by another is what the commit path does all day, which it does well; and it gives freed memory
// back to the system a few seconds later, by a thread of its own, so an idle server shrinks.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,narenas:4,dirty_decay_ms:5000,muzzy_decay_ms:0";
}
