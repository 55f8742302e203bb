// Runs @azure/service-bus against a broker: `node scenarios.mjs CONNECTION_STRING CONNECTION_STRING_OF_A_BUSY_ONE`.
// Prints one line of JSON a scenario: {name, passed, error}. The names are those of test_javascript.py.
import assert from "node:assert/strict";
import { ServiceBusClient } from "@azure/service-bus";

const client = new ServiceBusClient(process.argv[2], { retryOptions: { maxRetries: 0, timeoutInMs: 10000 } });
const sender = client.createSender("js-work");
const receiver = client.createReceiver("js-work");
const deadLetters = client.createReceiver("js-work", { subQueueType: "deadLetter" });

async function receive(from, count = 1) {
  const found = [];
  while (found.length < count) {
    const arrived = await from.receiveMessages(count - found.length, { maxWaitTimeInMs: 10000 });
    assert.notEqual(arrived.length, 0, `${found.length} of ${count} messages came`);
    found.push(...arrived);
  }
  return found;
}

async function failsWith(code, action) {
  const error = await action().then(() => null, (failure) => failure);
  assert.ok(error, `expected ${code}`);
  assert.equal(error.code, code, error.message);
}

const scenarios = {
  // learn.microsoft.com/azure/service-bus-messaging/service-bus-messages-payloads
  async properties_arrive() {
    const sent = {
      body: { text: "你好" }, messageId: "id", contentType: "application/json", correlationId: "c", subject: "s",
      to: "t", replyTo: "r", timeToLive: 60000, applicationProperties: { text: "a", number: 7, truth: true },
    };
    await sender.sendMessages(sent);
    const [message] = await receive(receiver);
    for (const key of Object.keys(sent)) assert.deepEqual(message[key], sent[key], key);
    assert.equal(message.deliveryCount, 0);
    assert.equal(message.state, "active");
    assert.ok(message.enqueuedTimeUtc && message.lockedUntilUtc && message.sequenceNumber && message.lockToken);
    assert.equal(message.expiresAtUtc - message.enqueuedTimeUtc, 60000);
    await receiver.completeMessage(message);
  },

  // learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues
  async messages_are_abandoned_with_properties_and_die() {
    await sender.sendMessages({ body: "stubborn" });
    for (const round of [0, 1, 2]) {
      const [message] = await receive(receiver);
      assert.equal(message.deliveryCount, round);
      assert.equal(message.applicationProperties?.tried, round ? `round ${round - 1}` : undefined);
      await receiver.abandonMessage(message, { tried: `round ${round}` });
    }
    const [dead] = await receive(deadLetters);
    assert.equal(dead.deadLetterReason, "MaxDeliveryCountExceeded");
    await deadLetters.completeMessage(dead);
  },

  // learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues
  async dead_letters_say_why_and_carry_more() {
    await sender.sendMessages({ body: "odd", applicationProperties: { own: "kept" } });
    const [message] = await receive(receiver);
    const why = { deadLetterReason: "schema", deadLetterErrorDescription: "no such field", extra: "more" };
    await receiver.deadLetterMessage(message, why);
    const [dead] = await receive(deadLetters);
    assert.equal(dead.deadLetterReason, "schema");
    assert.equal(dead.deadLetterErrorDescription, "no such field");
    assert.equal(dead.applicationProperties.own, "kept");
    assert.equal(dead.applicationProperties.extra, "more");
    await deadLetters.completeMessage(dead);
  },

  // learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
  async batches_and_large_messages_arrive() {
    const batch = await sender.createMessageBatch();
    for (let n = 0; n < 50; n++) assert.ok(batch.tryAddMessage({ body: n }));
    await sender.sendMessages(batch);
    const messages = await receive(receiver, 50);
    assert.deepEqual(messages.map((message) => message.body), [...Array(50).keys()]);
    await Promise.all(messages.map((message) => receiver.completeMessage(message)));
    const body = Buffer.alloc(300000, 7);
    await sender.sendMessages({ body });
    const [large] = await receive(receiver);
    assert.ok(body.equals(large.body));
    await receiver.completeMessage(large);
  },

  // AMQP 1.0, 2.5.6 and 2.6.7: session windows and link credit
  async thousands_are_sent_on_one_link() {
    for (let start = 0; start < 5500; start += 500) {
      await Promise.all([...Array(500).keys()].map((n) => sender.sendMessages({ body: start + n })));
    }
    const deleting = client.createReceiver("js-work", { receiveMode: "receiveAndDelete" });
    const messages = await receive(deleting, 5500);
    await deleting.close();
    assert.deepEqual(messages.map((message) => message.body), [...Array(5500).keys()]);
  },

  // AMQP 1.0, 2.6.7: drain
  async a_short_receive_drains_its_credit() {
    await sender.sendMessages({ body: "only" });
    const [message] = await receiver.receiveMessages(10, { maxWaitTimeInMs: 300 });
    await receiver.completeMessage(message);
    await sender.sendMessages({ body: "after" });
    const [next] = await receive(receiver);
    assert.equal(next.body, "after");
    assert.equal(next.deliveryCount, 0);
    await receiver.completeMessage(next);
  },

  // learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
  async messages_are_scheduled_cancelled_peeked_deferred_and_renewed() {
    const due = new Date(Date.now() + 3600000);
    const numbers = await sender.scheduleMessages([{ body: "a" }, { body: "b" }], due);
    const peeked = await receiver.peekMessages(10, { fromSequenceNumber: numbers[0] });
    assert.deepEqual(peeked.map((message) => [message.body, message.state]), [["a", "scheduled"], ["b", "scheduled"]]);
    await sender.cancelScheduledMessages(numbers);
    await failsWith("MessageNotFound", () => sender.cancelScheduledMessages(numbers));
    await sender.sendMessages({ body: "later" });
    const [message] = await receive(receiver);
    assert.ok(await receiver.renewMessageLock(message) >= message.enqueuedTimeUtc);
    await receiver.deferMessage(message);
    const [deferred] = await receiver.receiveDeferredMessages(message.sequenceNumber);
    assert.equal(deferred.state, "deferred");
    await receiver.completeMessage(deferred);
  },

  // learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement
  async subscribers_renew_locks_and_run_side_by_side() {
    // Messages without an id and a lock of three seconds: the renewer at work.
    const subscribed = client.createReceiver("js-subscribed", { maxAutoLockRenewalDurationInMs: 30000 });
    const counts = [];
    let running = 0;
    let most = 0;
    await new Promise((resolve, reject) => {
      subscribed.subscribe({
        async processMessage(message) {
          most = Math.max(most, ++running);
          await new Promise((done) => setTimeout(done, 3500));
          running--;
          counts.push(message.deliveryCount);
          if (counts.length === 4) setTimeout(resolve, 100);
        },
        async processError({ error }) { reject(error); },
      }, { maxConcurrentCalls: 4 });
      const to = client.createSender("js-subscribed");
      to.sendMessages([1, 2, 3, 4].map((body) => ({ body }))).then(() => to.close(), reject);
    });
    assert.deepEqual(counts, [0, 0, 0, 0]);
    assert.equal(most, 4);
    assert.deepEqual(await subscribed.peekMessages(1), []);
    await subscribed.close();
  },

  // learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement
  async locks_expire_and_count() {
    const to = client.createSender("js-brief");
    const from = client.createReceiver("js-brief", { maxAutoLockRenewalDurationInMs: 0 });
    await to.sendMessages({ body: "slow" });
    const [first] = await receive(from);
    const [second] = await receive(from);
    assert.deepEqual([first.deliveryCount, second.deliveryCount], [0, 1]);
    assert.deepEqual(first.sequenceNumber, second.sequenceNumber);
    await failsWith("MessageLockLost", () => from.completeMessage(first));
    await from.completeMessage(second);
    await Promise.all([to.close(), from.close()]);
  },

  // learn.microsoft.com/azure/service-bus-messaging/message-expiration
  async expired_messages_die() {
    const to = client.createSender("js-expiring");
    const dead = client.createReceiver("js-expiring", { subQueueType: "deadLetter" });
    await to.sendMessages([{ body: "of the queue" }, { body: "its own", timeToLive: 300 }]);
    const letters = await receive(dead, 2);
    assert.deepEqual(letters.map((letter) => letter.body), ["its own", "of the queue"]);
    for (const letter of letters) {
      assert.equal(letter.deadLetterReason, "TTLExpiredException");
      await dead.completeMessage(letter);
    }
    await Promise.all([to.close(), dead.close()]);
  },

  // learn.microsoft.com/azure/service-bus-messaging/message-sequencing
  async scheduled_messages_come_when_due() {
    const due = new Date(Date.now() + 500);
    const [number] = await sender.scheduleMessages({ body: "later" }, due);
    const [message] = await receive(receiver);
    assert.ok(Date.now() >= due.getTime());
    assert.deepEqual([message.sequenceNumber, message.state, message.enqueuedTimeUtc], [number, "active", due]);
    await receiver.completeMessage(message);
  },

  // learn.microsoft.com/azure/service-bus-messaging/duplicate-detection
  async a_message_id_is_taken_once() {
    const to = client.createSender("js-once");
    const from = client.createReceiver("js-once", { receiveMode: "receiveAndDelete" });
    for (const body of ["first", "second"]) await to.sendMessages({ body, messageId: "the same" });
    await to.sendMessages({ body: "other", messageId: "another" });
    assert.deepEqual((await receive(from, 2)).map((message) => message.body), ["first", "other"]);
    await Promise.all([to.close(), from.close()]);
  },

  // learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
  async batches_know_their_limit() {
    const batch = await sender.createMessageBatch();
    assert.ok(batch.tryAddMessage({ body: Buffer.alloc(1000) }));
    assert.ok(!batch.tryAddMessage({ body: Buffer.alloc(1048576) }));
    assert.equal(batch.count, 1);
    await sender.sendMessages(batch);
    const [message] = await receive(receiver);
    await receiver.completeMessage(message);
  },

  // learn.microsoft.com/azure/service-bus-messaging/topic-filters
  async topics_filter() {
    const to = client.createSender("js-events");
    await to.sendMessages([
      { body: "tin", applicationProperties: { tier: "tin" } },
      { body: "gold", applicationProperties: { tier: "gold" } },
    ]);
    const from = client.createReceiver("js-events", "gold");
    const [message] = await receive(from);
    assert.equal(message.body, "gold");
    await from.completeMessage(message);
    assert.deepEqual(await from.peekMessages(1), []);
    await Promise.all([to.close(), from.close()]);
  },

  // learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues
  async subscriptions_have_dead_letters() {
    const to = client.createSender("js-events");
    const from = client.createReceiver("js-events", "gold");
    const dead = client.createReceiver("js-events", "gold", { subQueueType: "deadLetter" });
    await to.sendMessages({ body: "odd", applicationProperties: { tier: "gold" } });
    const [message] = await receive(from);
    await from.deadLetterMessage(message, { deadLetterReason: "schema" });
    const [letter] = await receive(dead);
    assert.deepEqual([letter.body, letter.deadLetterReason], ["odd", "schema"]);
    await dead.completeMessage(letter);
    await Promise.all([to.close(), from.close(), dead.close()]);
  },

  // learn.microsoft.com/azure/service-bus-messaging/message-sessions
  async sessions_are_held_by_one_and_keep_state() {
    const to = client.createSender("js-learners");
    await to.sendMessages([1, 2].map((body) => ({ body, sessionId: "mei" })));
    const session = await client.acceptNextSession("js-learners", { maxAutoLockRenewalDurationInMs: 0 });
    assert.equal(session.sessionId, "mei");
    assert.ok(session.sessionLockedUntilUtc > new Date());
    await failsWith("SessionCannotBeLocked", () => client.acceptSession("js-learners", "mei"));
    const messages = await receive(session, 2);
    assert.deepEqual(messages.map((message) => message.body), [1, 2]);
    for (const message of messages) await session.completeMessage(message);
    await session.setSessionState("chapter 3");
    assert.equal(await session.getSessionState(), "chapter 3");
    assert.ok(await session.renewSessionLock() > new Date());
    await session.close();
    const again = await client.acceptSession("js-learners", "mei");
    assert.equal(await again.getSessionState(), "chapter 3");
    await Promise.all([again.close(), to.close()]);
  },

  // learn.microsoft.com/azure/service-bus-messaging/message-sessions
  async a_session_whose_lock_expired_is_lost() {
    const to = client.createSender("js-restless");
    await to.sendMessages({ body: "a", sessionId: "mei" });
    const options = { maxAutoLockRenewalDurationInMs: 0 };
    const session = await client.acceptSession("js-restless", "mei", options);
    const [message] = await receive(session);
    await new Promise((done) => setTimeout(done, 2300));
    await failsWith("SessionLockLost", () => session.completeMessage(message));
    const again = await client.acceptSession("js-restless", "mei", options);
    const [redelivered] = await receive(again);
    assert.equal(redelivered.deliveryCount, 1);
    await again.completeMessage(redelivered);
    await Promise.all([to.close(), again.close(), session.close()]);
  },

  // learn.microsoft.com/azure/service-bus-messaging/message-deferral
  async deferred_messages_of_a_session_come_by_number() {
    const to = client.createSender("js-learners");
    await to.sendMessages([1, 2].map((body) => ({ body, sessionId: "li" })));
    const session = await client.acceptSession("js-learners", "li");
    const [first, second] = await receive(session, 2);
    await session.deferMessage(first);
    await session.completeMessage(second);
    const [deferred] = await session.receiveDeferredMessages([first.sequenceNumber]);
    assert.equal(deferred.body, 1);
    await session.completeMessage(deferred);
    await Promise.all([to.close(), session.close()]);
  },

  // learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-exceptions-latest
  async errors_are_recognised() {
    const absent = client.createSender("absent");
    await failsWith("MessagingEntityNotFound", () => absent.sendMessages({ body: 1 }));
    await absent.close();
    await failsWith("MessageSizeExceeded", () => sender.sendMessages({ body: Buffer.alloc(1200000) }));
    const hasty = new ServiceBusClient(process.argv[2], { retryOptions: { maxRetries: 0, timeoutInMs: 500 } });
    await failsWith("ServiceTimeout", () => hasty.acceptNextSession("js-learners"));
    await hasty.close();
    const wrong = new ServiceBusClient(process.argv[2].replace("SharedAccessKey=", "SharedAccessKey=not"),
      { retryOptions: { maxRetries: 0 } });
    await failsWith("UnauthorizedAccess", () => wrong.createSender("js-work").sendMessages({ body: 1 }));
    await wrong.close();
  },

  // learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
  async rules_are_refused_with_a_sentence() {
    const rules = client.createRuleManager("js-events", "gold");
    const error = await rules.createRule("sql", { sqlExpression: "1=1" }).then(() => null, (failure) => failure);
    assert.match(error.message, /not supported by the local Service Bus/);
  },

  // learn.microsoft.com/azure/service-bus-messaging/service-bus-throttling
  async a_busy_server_is_recognised_and_tried_again() {
    const hasty = new ServiceBusClient(process.argv[3], { retryOptions: { maxRetries: 0 } });
    const to = hasty.createSender("js-work");
    const codes = [];
    for (let n = 0; n < 6; n++) codes.push(await to.sendMessages({ body: n }).then(() => "sent", (error) => error.code));
    assert.deepEqual([codes.filter((code) => code === "sent").length, codes.filter((code) => code === "ServiceBusy").length], [4, 2]);
    await hasty.close();
    const patient = new ServiceBusClient(process.argv[3], { retryOptions: { maxRetries: 3, retryDelayInMs: 10 } });
    const insisting = patient.createSender("js-work");
    for (let n = 6; n < 12; n++) await insisting.sendMessages({ body: n });
    const messages = await receive(patient.createReceiver("js-work", { receiveMode: "receiveAndDelete" }), 10);
    assert.deepEqual(messages.slice(4).map((message) => message.body), [6, 7, 8, 9, 10, 11]);
    await patient.close();
  },
};

for (const [name, scenario] of Object.entries(scenarios)) {
  const error = await scenario().then(() => null, (failure) => failure);
  console.log(JSON.stringify({ name, passed: error === null, error: error?.stack ?? null }));
}
await client.close();
