// What the namespace holds: the queues, topics, subscriptions and filters of shared_code/domain/events/topology.py.
// `python -m scripts.topology` writes the table to topology.json; nothing about an entity is decided here.

@description('Name of the Service Bus namespace in this resource group: Standard or Premium, because Basic has no topics.')
@minLength(6)
@maxLength(50)
param namespaceName string

var topology = loadJsonContent('topology.json')

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource queues 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [
  for queue in topology.queues: {
    parent: namespace
    name: queue.name
    properties: {
      requiresSession: queue.requiresSession
      requiresDuplicateDetection: queue.requiresDuplicateDetection
      duplicateDetectionHistoryTimeWindow: topology.duplicateDetectionHistoryTimeWindow
      maxDeliveryCount: topology.maxDeliveryCount
      lockDuration: topology.lockDuration
      defaultMessageTimeToLive: queue.defaultMessageTimeToLive
      deadLetteringOnMessageExpiration: queue.deadLetteringOnMessageExpiration
    }
  }
]

resource topics 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' = [
  for topic in topology.topics: {
    parent: namespace
    name: topic.name
    properties: {
      requiresDuplicateDetection: topic.requiresDuplicateDetection
      duplicateDetectionHistoryTimeWindow: topology.duplicateDetectionHistoryTimeWindow
      defaultMessageTimeToLive: topic.defaultMessageTimeToLive
      supportOrdering: topic.supportOrdering
    }
  }
]

// Subscriptions and rules of all topics in one list each: a loop in Bicep does not nest.
resource subscriptions 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' = [
  for subscription in topology.subscriptions: {
    name: '${namespaceName}/${subscription.topic}/${subscription.name}'
    properties: {
      requiresSession: subscription.requiresSession
      maxDeliveryCount: topology.maxDeliveryCount
      lockDuration: topology.lockDuration
      defaultMessageTimeToLive: subscription.defaultMessageTimeToLive
      deadLetteringOnMessageExpiration: subscription.deadLetteringOnMessageExpiration
    }
    dependsOn: [
      topics
    ]
  }
]

// A subscription comes with the rule $Default, which wants everything: the first rule of a filter takes its place.
// `any`, because an empty list in JSON tells the compiler nothing about its members.
resource rules 'Microsoft.ServiceBus/namespaces/topics/subscriptions/rules@2024-01-01' = [
  for rule in any(topology.rules): {
    name: '${namespaceName}/${rule.topic}/${rule.subscription}/${rule.name}'
    properties: {
      filterType: 'CorrelationFilter'
      correlationFilter: {
        properties: {
          type: rule.type
        }
      }
    }
    dependsOn: [
      subscriptions
    ]
  }
]
