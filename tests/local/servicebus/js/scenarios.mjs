// Runs @azure/service-bus against a broker: `node scenarios.mjs CONNECTION_STRING`.
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

  async thousands_are_sent_on_one_link() {
    for (let start = 0; start < 5500; start += 500) {
      await Promise.all([...Array(500).keys()].map((n) => sender.sendMessages({ body: start + n })));
    }
    const deleting = client.createReceiver("js-work", { receiveMode: "receiveAndDelete" });
    const messages = await receive(deleting, 5500);
    await deleting.close();
    assert.deepEqual(messages.map((message) => message.body), [...Array(5500).keys()]);
  },

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
};

for (const [name, scenario] of Object.entries(scenarios)) {
  const error = await scenario().then(() => null, (failure) => failure);
  console.log(JSON.stringify({ name, passed: error === null, error: error?.stack ?? null }));
}
await client.close();
