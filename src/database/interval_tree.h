// IntervalTree: intervals with attached values, answering "which intervals contain this key". A treap ordered
// by start, each node knowing the largest end below it: insert and erase O(log n), stabbing O(log n + hits)
// expected. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "storage/store.h"

namespace hull {

template <typename T>
class IntervalTree {
 public:
  // Stays valid until erased.
  struct Node {
    Interval interval;
    T value;
    uint64_t priority;
    Node* max_end;  // node with the largest end in this subtree
    std::unique_ptr<Node> left, right;
  };

  Node* insert(Interval interval, T value) {
    auto node =
        std::make_unique<Node>(Node{std::move(interval), std::move(value), next_priority(), nullptr, {}, {}});
    Node* handle = node.get();
    handle->max_end = handle;
    insert_at(root_, std::move(node));
    ++size_;
    return handle;
  }

  void erase(Node* node) {
    erase_at(root_, node);
    --size_;
  }

  template <typename Visit>
  void stab(std::string_view key, Visit&& visit) const {
    stab_at(root_.get(), key, visit);
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  // xorshift: balance needs no better randomness.
  uint64_t next_priority() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

  static bool ends_later(const Node* a, const Node* b) {
    if (!b->interval.end) return false;
    return !a->interval.end || *a->interval.end > *b->interval.end;
  }

  // A total order: nodes with equal starts by address.
  static bool less(const Node* a, const Node* b) {
    int order = a->interval.start.compare(b->interval.start);
    return order != 0 ? order < 0 : std::less<>()(a, b);
  }

  static void update(Node* node) {
    node->max_end = node;
    for (const auto* child : {&node->left, &node->right}) {
      if (*child && ends_later((*child)->max_end, node->max_end)) node->max_end = (*child)->max_end;
    }
  }

  // The left child becomes the parent, and the reverse.
  static void rotate_right(std::unique_ptr<Node>& root) {
    std::unique_ptr<Node> up = std::move(root->left);
    root->left = std::move(up->right);
    update(root.get());
    up->right = std::move(root);
    root = std::move(up);
    update(root.get());
  }
  static void rotate_left(std::unique_ptr<Node>& root) {
    std::unique_ptr<Node> up = std::move(root->right);
    root->right = std::move(up->left);
    update(root.get());
    up->left = std::move(root);
    root = std::move(up);
    update(root.get());
  }

  static void insert_at(std::unique_ptr<Node>& root, std::unique_ptr<Node> node) {
    if (!root) {
      root = std::move(node);
      return;
    }
    if (less(node.get(), root.get())) {
      insert_at(root->left, std::move(node));
      if (root->left->priority > root->priority) return rotate_right(root);
    } else {
      insert_at(root->right, std::move(node));
      if (root->right->priority > root->priority) return rotate_left(root);
    }
    update(root.get());
  }

  static void erase_at(std::unique_ptr<Node>& root, Node* node) {
    if (root.get() != node) {
      erase_at(less(node, root.get()) ? root->left : root->right, node);
    } else if (!root->left) {
      root = std::unique_ptr<Node>(std::move(root->right));
      return;
    } else if (!root->right) {
      root = std::unique_ptr<Node>(std::move(root->left));
      return;
    } else if (root->left->priority > root->right->priority) {
      rotate_right(root);
      erase_at(root->right, node);
    } else {
      rotate_left(root);
      erase_at(root->left, node);
    }
    update(root.get());
  }

  template <typename Visit>
  static void stab_at(const Node* node, std::string_view key, Visit& visit) {
    while (node != nullptr) {
      const auto& max_end = node->max_end->interval.end;
      if (max_end && *max_end <= key) return;
      stab_at(node->left.get(), key, visit);
      if (key < node->interval.start) return;
      if (!node->interval.end || key < *node->interval.end) visit(node->value);
      node = node->right.get();
    }
  }

  std::unique_ptr<Node> root_;
  size_t size_ = 0;
  uint64_t state_ = 0x9e3779b97f4a7c15;
};

}  // namespace hull
