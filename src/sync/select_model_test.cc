// Every execution of selects with plain sends and receives, with each other, with a close, a time
// and a stop: channel_scenario_test.h says what holds. Then the same with faults.
//
//   a select is  and a partner claims one of its cases          or a case could go meanwhile
//   trying       not in a queue: waits for the guard            the case runs
//   entering     -> claimed; it enters the queues that are      enter() sees it: -> withdrawn, or
//                left, or gives up, and parks all the same      claimed by then
//   waiting      -> claimed                                     cannot: whoever made it so claims
//   claimed      finds others: one park, one winner             nothing; it leaves the other queues
//   withdrawn    drops it, and claims the next one              leaves all queues -> trying
//   cut short    the same, by its time or a stop                leaves all queues -> over
#include "sync/channel_scenario_test.h"

namespace sluice::detail::modelled {
namespace {

using model::fault_kind;
using model::operation;

class select_model : public both_ways {};

const world::knobs two_channels{.capacities = {0, 0}};
const world::knobs two_with_cells{.capacities = {1, 1}};
const step receives = either(receive(0), receive(1));

TEST_F(select_model, OneCaseRunsAndTheOthersLeaveTheirQueues) {
  expect_right_both_ways("select, two senders",
                         {.programs = {{receives}, {send(0, 4)}, {send(1, 8)}},
                          .with = two_channels,
                          .all_end = false},
                         5'000);
  expect_right_both_ways(
      "select, a sender and a receiver",
      {.programs = {{either(receive(0), send(1, 1))}, {send(0, 4)}, {receive(1)}},
       .with = two_channels,
       .all_end = false},
      5'000);
  expect_right_both_ways(
      "select, twice",
      {.programs = {{receives, receives}, {send(0, 4)}, {send(1, 8)}}, .with = two_channels},
      20'000, true);
}

TEST_F(select_model, CellsAreCasesThatCanGo) {
  expect_right_both_ways(
      "select, cells, twice",
      {.programs = {{receives, receives}, {send(0, 4)}, {send(1, 8)}}, .with = two_with_cells},
      1'000);
  const step sends = either(send(0, 1), send(1, 2));
  expect_right_both_ways(
      "select, full cells",
      {.programs = {{send(0, 3), sends}, {receive(0)}}, .with = {.capacities = {1, 0}}}, 50);
}

TEST_F(select_model, OneChannelMayBeThereTwice) {
  expect_right_both_ways("select, the same case twice",
                         {.programs = {{either(receive(0), receive(0))}, {send(0, 4)}}}, 60);
  expect_right_both_ways("select, both sides of a channel",
                         {.programs = {{either(receive(0), send(0, 1))}, {send(0, 4)}}}, 60);
  expect_right_both_ways("select, nobody is its own partner",
                         {.programs = {{either(receive(0), send(0, 1))}}, .all_end = false}, 1);
}

// On the same two channels, in each order: no deadlock, and one of the two values is passed.
TEST_F(select_model, TwoSelectsMeet) {
  constexpr drawn_order orders[] = {drawn_order::backward, drawn_order::forward};
  world::knobs endless = two_channels;
  endless.endless = true;
  for (const drawn_order one : orders) {
    for (const drawn_order other : orders) {
      expect_right_both_ways(
          "select, two meet",
          {.programs = {{either(receive(0), send(1, 1))}, {either(receive(1), send(0, 4))}},
           .with = endless,
           .draws = {one, other}},
          400);
    }
  }
}

// Two that give up for each other's sake draw again, and with another order cannot go on like that
// for ever: there is an end to the steps, with all epochs told apart.
TEST_F(select_model, TwoSelectsThatGiveUpMeetInAnotherOrder) {
  for (const drawn_order one : {drawn_order::backward, drawn_order::forward}) {
    expect_right_both_ways(
        "select, two meet, one draws other orders",
        {.programs = {{either(receive(0), send(1, 1))}, {either(receive(1), send(0, 4))}},
         .with = two_channels,
         .draws = {one, drawn_order::turning}},
        400);
  }
}

TEST_F(select_model, TwoSelectsAndASenderShareTwoChannels) {
  expect_right_both_ways("select, two receive, one value",
                         {.programs = {{receives}, {receives}, {send(0, 4)}},
                          .with = two_channels,
                          .draws = {drawn_order::forward, drawn_order::backward},
                          .all_end = false},
                         1'000);
}

TEST_F(select_model, AClosedChannelIsACaseThatCanGo) {
  expect_right_both_ways("select, close and a receiver",
                         {.programs = {{either(receive(0), send(1, 1))}, {close(0)}, {receive(1)}},
                          .with = two_channels,
                          .all_end = false},
                         3'000);
  expect_right_both_ways("select, a sending case is closed",
                         {.programs = {{either(receive(0), send(1, 1))}, {close(1)}, {send(0, 4)}},
                          .with = two_channels,
                          .all_end = false},
                         2'500);
  expect_right_both_ways(
      "select, nothing but a close",
      {.programs = {{either(receive(0), send(1, 1))}, {close(1)}}, .with = two_channels}, 20);
  expect_right_both_ways(
      "select, the end comes while a cell is filled",
      {.programs = {{receives}, {send(0, 4)}, {close(0)}}, .with = {.capacities = {1, 0}}}, 400);
  expect_right_both_ways(
      "select, a value, then the end",
      {.programs = {{receives, receives}, {send(0, 4), close(0)}}, .with = {.capacities = {1, 0}}},
      50);
}

TEST_F(select_model, WhoeverServedItMayDestroyTheChannel) {
  expect_right_both_ways("select, destroyed by who served it",
                         {.programs = {{receives}, {send(0, 4), destroy(0)}}, .with = two_channels},
                         30);
}

TEST_F(select_model, ATimeOrAStopTakesNoValueAway) {
  expect_right_both_ways(
      "select, time",
      {.programs = {{either(receive(0), time_passes())}, {send(0, 4)}}, .all_end = false}, 1'000);
  expect_right_both_ways("select, stopped",
                         {.programs = {{receives}, {send(0, 4)}},
                          .with = two_channels,
                          .stopped = 0,
                          .all_end = false},
                         5'000);
  expect_right_both_ways(
      "select, otherwise",
      {.programs = {{either(receive(0), otherwise())}, {send(0, 4)}}, .all_end = false}, 10);
}

TEST_F(select_model, ATimeMeetsACloseAndASender) {
  if (leaves_out_heavy("a time, a close and a sender at the same time")) return;
  expect_right(
      explore("select, time, close and a sender",
              {.programs = {{either(receive(0), time_passes())}, {send(0, 4)}, {close(0)}}}, {},
              true),
      10'000);
}

TEST_F(select_model, FindsEveryPlantedFault) {
  const plan senders{
      .programs = {{receives}, {send(0, 4)}, {send(1, 8)}}, .with = two_channels, .all_end = false};
  const plan meet{.programs = {{either(receive(0), send(1, 1))}, {either(receive(1), send(0, 4))}},
                  .with = two_channels};
  const plan one{.programs = {{receives}, {send(0, 4)}}, .with = two_channels};
  const plan stopped{
      .programs = {{receives}, {send(0, 4)}}, .with = two_channels, .stopped = 0, .all_end = false};
  const plan stopped_alone{.programs = {{receives}}, .with = two_channels, .stopped = 0};
  const plan closed{.programs = {{receives}, {receives}, {close(0)}}, .with = two_channels};
  const plan alone{.programs = {{either(receive(0), send(0, 1))}}, .all_end = false};
  plan same_order = meet;
  same_order.draws = {drawn_order::forward, drawn_order::forward};
  const planted_case cases[] = {
      {.name = "a claim does not compare",
       .what = senders,
       .how = "two wakers won one park",
       .operation = {fault_kind::forced, "take", operation::swap}},
      {.name = "a lost claim is taken for won",
       .what = senders,
       .how = "two wakers won one park",
       .operation = {fault_kind::pretend, "take", operation::swap}},
      {.name = "a claimed select is not released",
       .what = one,
       .how = "a value is lost",
       .operation = {fault_kind::skipped, "release", operation::modify}},
      {.name = "release() relaxed",
       .what = one,
       .how = "data race",
       .operation = {fault_kind::relaxed, "release", operation::modify}},
      {.name = "a lost withdrawal is taken for won",
       .what = stopped,
       .how = "",
       .operation = {fault_kind::pretend, "withdraw", operation::swap}},
      {.name = "losers stay in their queues",
       .what = one,
       .how = "has the entry of a call that is over",
       .piece = broken::removal},
      {.name = "who withdraws stays in its queues",
       .what = meet,
       .how = "entry",
       .piece = broken::removal},
      {.name = "no second look",
       .what = meet,
       .how = "the wake-up is lost",
       .piece = broken::second_look},
      {.name = "its own partner", .what = alone, .how = "livelock", .piece = broken::own_calls},
      {.name = "no other order is drawn", .what = same_order, .how = "livelock"},
      {.name = "guards keep nobody out", .what = senders, .how = "", .piece = broken::guards},
      {.name = "no look at the stop",
       .what = stopped_alone,
       .how = "the wake-up is lost",
       .piece = broken::recheck},
      {.name = "close wakes one",
       .what = closed,
       .how = "waits for what is there",
       .piece = broken::closing},
      {.name = "released before the move", .what = one, .how = "data race", .piece = broken::frame},
  };
  for (const planted_case& each : cases) {
    SCOPED_TRACE(each.name);
    expect_found(explore("select", each), each.how, each.is_of_operation());
  }
}

}  // namespace
}  // namespace sluice::detail::modelled
