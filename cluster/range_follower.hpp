// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/range_witness.hpp"

#include <functional>

namespace shoal::cluster {

/// Keeps up with a range of keys: reads it whole at one revision, page by page, then watches from
/// there. A page that did not come is asked for again, and a watch that breaks is taken up where it
/// stood; if that is compacted, the range is read from the beginning. Before either, etcd must have
/// the last put that was seen, or something later in its place: else its history is another one.
class range_follower final : coordination::watcher {
public:
  class listener {
  public:
    virtual ~listener() = default;

    /// Whether the range comes page by page as it is read, for those who cannot hold all of it;
    /// `replaced` then only says that it is complete, and has no keys.
    virtual bool takes_pages() const { return false; }

    /// The next keys of the range as it is at `revision`, in order. @param first it begins (again).
    virtual void page(uint64_t, std::span<const coordination::key_value>, bool) {}

    /// The whole range at a revision; what was known before counts no more.
    virtual void replaced(uint64_t revision, std::span<const coordination::key_value> keys) = 0;

    /// What changed since, up to a revision, in order.
    virtual void changed(uint64_t revision, std::span<const coordination::watch_event> events) = 0;

    /// The view that there was is that of the service's history, and is followed from now on.
    virtual void resumed() {}

    /// The service has not what was seen of it at revision `from`, and is at `to`: it has been
    /// restored from an old backup. Nothing more comes.
    virtual void went_back(uint64_t from, uint64_t to) = 0;
  };

  struct config {
    std::chrono::milliseconds timeout{1000}; ///< Of each read.
    std::chrono::milliseconds retry_min{50}; ///< Doubles with each failure, up to retry_max.
    std::chrono::milliseconds retry_max{1000};
    uint32_t page = 1000; ///< Keys asked for at once; halved down to page_min when that fails.
    uint32_t page_min = 50;
    bool skips_resync = false; ///< Broken on purpose: see `flaw::no_resync`.
  };

  /// @param store, now, who outlive it.
  range_follower(coordination::store& store, std::string prefix,
                 const std::function<mono_time()>& now, listener& who, const config& settings);

  /// Begins, and tries again what failed. Call it often, compared to `retry_min`.
  void advance();

  /// Goes on from a revision that the listener has a view of, after a restart, or if it could not
  /// use what has come since. @param revision 0: there is no view. @param witness of that view;
  /// without one nobody knows whether it can be gone on from, so the range is read again.
  void resume(uint64_t revision, range_witness witness = {});

  /// Reads the whole range again.
  void resync();

  /// Whether the listener has a view: as of `revision`, which may be past.
  bool has_view() const { return revision_ != 0; }
  uint64_t revision() const { return revision_; }

  /// Of the view; none if the last change only erased something, or the range is empty.
  const range_witness& witness() const { return witness_; }

  /// Keys that were read page by page since the follower was made.
  uint64_t keys_read() const { return keys_read_; }
  uint64_t resumptions() const { return resumptions_; } ///< Watches taken up where one stood.
  uint64_t resyncs() const { return resyncs_; }         ///< How often the whole range was read.

private:
  enum class phase : uint8_t { idle, reading, following, stopped };

  void begin_reading();
  void ask_witness(uint64_t at_revision);
  void on_witness(uint64_t round, uint64_t at_revision,
                  const result<coordination::range_page>& answer);
  void stop(uint64_t from, uint64_t to);
  void read_page();
  void on_page(uint64_t round, result<coordination::range_page> answer);
  void finish_reading();
  void start_watch();
  void on_page_failed(const error& why);
  void try_later();

  void started(uint64_t revision) override;
  void changed(uint64_t revision, std::span<const coordination::watch_event> events) override;
  void lost(const error& why) override;

  coordination::store& store_;
  std::string first_;
  std::string end_;
  const std::function<mono_time()>& now_;
  listener& who_;
  config config_;
  phase phase_ = phase::idle;
  bool must_read_ = true;
  bool from_now_ = false; // Only if broken on purpose.
  uint64_t revision_ = 0;
  range_witness witness_;
  range_witness newest_; // Of the pages so far.
  uint64_t etcd_at_ = 0; // Its revision when it was asked for the witness.
  uint64_t round_ = 0;   // Of reading: answers of another one come too late.
  uint64_t read_at_ = 0;
  std::vector<coordination::key_value> keys_;
  uint64_t resumptions_ = 0;
  uint64_t resyncs_ = 0;
  std::string read_to_; // The last key that was read; empty: none yet.
  uint32_t page_;
  uint64_t keys_read_ = 0;
  mono_time next_{};
  std::chrono::milliseconds delay_{0};
  std::unique_ptr<coordination::watch> watch_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::cluster
