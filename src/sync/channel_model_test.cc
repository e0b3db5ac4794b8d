// Every execution of a few tasks that send, receive and close, of their deadlines and of somebody
// who stops one: channel_scenario_test.h says what holds. Then the same with faults.
//
//   a waiter is  and a partner claims   or the channel ends     or its time passes or a stop comes
//   looking      waits for the guard; the waiter is queued when it gets it       loses: not parked
//   queued       -> claimed, unlinked   -> ended, unlinked      -> cut short, still in the queue
//   claimed      finds others           finds others            loses: the value is on its way
//   cut short    drops it, and claims the next one              loses; it leaves the queue
//   withdrawn    the same: who finds a reason to stop once it is queued withdraws, or has been
//                claimed and goes on
//   over         it is in no queue, its frame may be gone       loses by the epoch
#include "sync/channel_scenario_test.h"

namespace sluice::detail::modelled {
namespace {

using model::fault_kind;
using model::operation;

class channel_model : public both_ways {};

const world::knobs one_cell{.capacities = {1}};
const world::knobs two_cells{.capacities = {2}};
const plan late_deadline{.programs = {{send(0, 1)}, {in_time(receive(0)), receive(0)}},
                         .all_end = false};

TEST_F(channel_model, EachValueGoesToOneReceiverInOrder) {
  const std::vector<program> one_to_two{{send(0, 1), send(0, 2)}, {receive(0)}, {receive(0)}};
  const std::vector<program> two_to_one{{send(0, 1)}, {send(0, 4)}, {receive(0), receive(0)}};
  expect_right_both_ways("channel, one to one", {.programs = {{send(0, 1)}, {receive(0)}}}, 15);
  expect_right_both_ways("channel, one to two", {.programs = one_to_two}, 3'000);
  expect_right_both_ways("channel, two to one", {.programs = two_to_one}, 3'000);
  expect_right_both_ways("channel, two to two",
                         {.programs = {{send(0, 1)}, {send(0, 4)}, {receive(0)}, {receive(0)}}},
                         20'000, true);
}

TEST_F(channel_model, CellsKeepTheOrderAndFewerWait) {
  const std::vector<program> three{{send(0, 1), send(0, 2), send(0, 3)},
                                   {receive(0), receive(0), receive(0)}};
  const std::vector<program> two_to_one{{send(0, 1)}, {send(0, 4)}, {receive(0), receive(0)}};
  expect_right_both_ways("channel, one cell", {.programs = three, .with = one_cell}, 500);
  expect_right_both_ways("channel, two cells", {.programs = three, .with = two_cells}, 250);
  expect_right_both_ways("channel, two to one cell", {.programs = two_to_one, .with = one_cell},
                         200);
  expect_right_both_ways("channel, two to two cells", {.programs = two_to_one, .with = two_cells},
                         150);
}

TEST_F(channel_model, TwoSendersAndTwoReceiversShareACell) {
  if (leaves_out_heavy("two senders, two receivers and a cell")) return;
  const std::vector<program> four{{send(0, 1)}, {send(0, 4)}, {receive(0)}, {receive(0)}};
  expect_right(explore("channel, two to two, one cell, moved", {.programs = four, .with = one_cell},
                       {}, true),
               100'000);
}

TEST_F(channel_model, CloseWakesEverybodyAndValuesComeFirst) {
  const std::vector<program> two_senders{{send(0, 1)}, {send(0, 4)}, {receive(0)}, {close(0)}};
  const std::vector<program> two_receivers{{send(0, 1)}, {receive(0)}, {receive(0)}, {close(0)}};
  const std::vector<program> closing_sender{{send(0, 1), close(0)}, {receive(0)}, {receive(0)}};
  for (const world::knobs& with : {world::knobs{}, one_cell}) {
    const std::string cells = std::to_string(with.capacities[0]) + " cells";
    expect_right_both_ways("channel, close, two senders, " + cells,
                           {.programs = two_senders, .with = with}, 500, true);
    expect_right_both_ways("channel, close, two receivers, " + cells,
                           {.programs = two_receivers, .with = with}, 5'000, true);
    expect_right_both_ways("channel, the sender closes, " + cells,
                           {.programs = closing_sender, .with = with}, 3'000);
  }
}

TEST_F(channel_model, WhoIsCutShortSaysSoAndNothingIsLost) {
  const std::vector<program> one_hurries{{send(0, 1)}, {in_time(receive(0))}};
  const std::vector<program> both_hurry{{in_time(send(0, 1))}, {in_time(receive(0))}};
  const std::vector<program> calm{{send(0, 1)}, {receive(0)}};
  for (const world::knobs& with : {world::knobs{}, one_cell}) {
    const std::string cells = std::to_string(with.capacities[0]) + " cells";
    expect_right_both_ways("channel, a deadline, " + cells,
                           {.programs = one_hurries, .with = with, .all_end = false}, 800);
    expect_right_both_ways("channel, two deadlines, " + cells,
                           {.programs = both_hurry, .with = with}, 700);
    expect_right_both_ways("channel, the receiver is stopped, " + cells,
                           {.programs = calm, .with = with, .stopped = 1, .all_end = false}, 2'000);
    expect_right_both_ways("channel, the sender is stopped, " + cells,
                           {.programs = calm, .with = with, .stopped = 0, .all_end = false}, 150);
  }
}

TEST_F(channel_model, WhoIsCutShortIsPassedOver) {
  const std::vector<program> receivers{{send(0, 1)}, {in_time(receive(0))}, {receive(0)}};
  expect_right(explore("channel, of two receivers one is in a hurry",
                       {.programs = receivers, .all_end = false}, {}, true),
               20'000);
}

TEST_F(channel_model, ALateDeadlineLeavesTheNextCallAlone) {
  expect_right_both_ways("channel, a late deadline", late_deadline, 1'000);
}

// By the receiver, who knows that nobody else comes, or by who closes.
TEST_F(channel_model, WhoeverIsServedMayDestroyTheChannel) {
  const std::vector<program> closer{{receive(0)}, {close(0), destroy_if_all_are_claimed(0)}};
  expect_right_both_ways("channel, closed and destroyed", {.programs = closer}, 10);
  for (const world::knobs& with : {world::knobs{}, one_cell}) {
    const std::string cells = std::to_string(with.capacities[0]) + " cells";
    expect_right_both_ways("channel, served and destroyed, " + cells,
                           {.programs = {{send(0, 1)}, {receive(0), destroy(0)}}, .with = with},
                           10);
    expect_right_both_ways("channel, ended and destroyed, " + cells,
                           {.programs = {{close(0)}, {receive(0), destroy(0)}}, .with = with}, 10);
  }
}

// All four at once would take five times as many states as three, for one more loser.
TEST_F(channel_model, ThreeOfPartnerCloseDeadlineAndStopMeet) {
  expect_right_both_ways("channel, deadline, stop, close",
                         {.programs = {{in_time(receive(0))}, {close(0)}}, .stopped = 0}, 500);
  const std::vector<program> ended{{send(0, 1)}, {in_time(receive(0))}, {close(0)}};
  const std::vector<program> open{{send(0, 1)}, {in_time(receive(0))}};
  for (const world::knobs& with : {world::knobs{}, one_cell}) {
    const std::string cells = std::to_string(with.capacities[0]) + " cells";
    expect_right_both_ways("channel, sender, deadline, close, " + cells,
                           {.programs = ended, .with = with}, 1'500, true);
    expect_right_both_ways("channel, sender, deadline, stop, " + cells,
                           {.programs = open, .with = with, .stopped = 1, .all_end = false}, 1'500,
                           true);
  }
}

// Not here: claims relaxed, since the guard orders them too; the park word's own faults, which its
// own model finds.
TEST_F(channel_model, FindsEveryPlantedFault) {
  const plan calm{.programs = {{send(0, 1)}, {receive(0)}}};
  const plan two{.programs = {{send(0, 1), send(0, 2)}, {receive(0)}, {receive(0)}}};
  const plan hurry{.programs = {{in_time(send(0, 1))}, {in_time(receive(0))}}};
  const plan stopped{.programs = {{receive(0)}}, .stopped = 0};
  const plan stopped_late{.programs = {{send(0, 1)}, {receive(0)}}, .stopped = 1, .all_end = false};
  const plan closed{.programs = {{receive(0)}, {receive(0)}, {close(0)}}};
  const plan filled{.programs = {{send(0, 1)}, {receive(0)}, {close(0)}}, .with = one_cell};
  const plan cell{.programs = {{send(0, 1)}, {receive(0)}}, .with = one_cell};
  const planted_case cases[] = {
      {.name = "a claim does not compare",
       .what = hurry,
       .how = "two wakers won one park",
       .operation = {fault_kind::forced, "take", operation::swap}},
      {.name = "a lost claim is taken for won",
       .what = hurry,
       .how = "two wakers won one park",
       .operation = {fault_kind::pretend, "take", operation::swap}},
      {.name = "a claimed waiter is not released",
       .what = calm,
       .how = "a value is lost",
       .operation = {fault_kind::skipped, "release", operation::modify}},
      {.name = "release() relaxed",
       .what = calm,
       .how = "data race",
       .operation = {fault_kind::relaxed, "release", operation::modify}},
      {.name = "a lost withdrawal is taken for won",
       .what = stopped_late,
       .how = "",
       .operation = {fault_kind::pretend, "withdraw", operation::swap}},
      {.name = "the epoch is kept",
       .what = late_deadline,
       .how = "for no reason",
       .operation = {fault_kind::skipped, "finish", operation::store}},
      {.name = "no look at the stop", .what = stopped, .how = "lost", .piece = broken::recheck},
      {.name = "guards keep nobody out", .what = two, .how = "", .piece = broken::guards},
      {.name = "left in the queue", .what = hurry, .how = "entry", .piece = broken::removal},
      {.name = "the last is first", .what = two, .how = "served first", .piece = broken::order},
      {.name = "close wakes one", .what = closed, .how = "waits", .piece = broken::closing},
      {.name = "released before the move",
       .what = calm,
       .how = "data race",
       .piece = broken::frame},
      {.name = "a cell is filled unseen",
       .what = filled,
       .how = "before the last value",
       .piece = broken::filling},
      {.name = "a filled cell goes to nobody",
       .what = cell,
       .how = "waits for what is there",
       .piece = broken::settling},
  };
  for (const planted_case& each : cases) {
    SCOPED_TRACE(each.name);
    expect_found(explore("channel", each), each.how, each.is_of_operation());
  }
}

}  // namespace
}  // namespace sluice::detail::modelled
