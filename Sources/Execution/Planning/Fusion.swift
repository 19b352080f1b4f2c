import Graphs

/// The second pass: neighbours that one kernel can do together become one step. Each rule is a function of its own
/// that looks at one step and the steps that produced its operands.
enum Fusion {
    /// Applies every rule until none fits.
    static func fuse(_ schedule: Schedule) -> Schedule {
        var result = schedule
        for rule in [
            fuseBias, fuseActivation, fuseAddend, fuseActivationGradient, fuseEmbeddingMean,
            fuseEmbeddingMeanGradient,
        ] {
            result = apply(rule, to: result)
        }
        for pass in [
            fuseLosses, fuseBatchNorms, fuseBatchNormGradients, fuseReLUPools, fuseResidualNorms,
            fuseNormGradientSums,
        ] {
            result = pass(result)
        }
        return result
    }

    /// A rule: the fused step that replaces a consumer and the producer of one of its operands.
    typealias Rule = (_ consumer: PlanStep, _ producer: PlanStep, _ operand: Int) -> PlanStep?

    /// Walks the schedule once; the fused step stands where the consumer stood.
    private static func apply(_ rule: Rule, to schedule: Schedule) -> Schedule {
        var result = schedule
        let uses = schedule.useCounts()
        let producers = schedule.producers()
        var gone: Set<Int> = []
        for index in result.steps.indices {
            let consumer = result.steps[index]
            for (place, operand) in consumer.operands.enumerated() {
                guard uses[operand.storage] == 1, let from = producers[operand.storage], !gone.contains(from),
                    let fused = rule(consumer, result.steps[from], place)
                else { continue }
                result.notes.append(
                    "fused \(result.steps[from].operation.name) into \(consumer.operation.name) as "
                        + "\(fused.operation.name) (\(consumer.path))")
                result.steps[index] = fused
                gone.insert(from)
                break
            }
        }
        result.steps = result.steps.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
        return result
    }

    /// matmul, then bias.
    private static func fuseBias(_ consumer: PlanStep, _ producer: PlanStep, _ operand: Int) -> PlanStep? {
        guard consumer.operation is BiasAdd, operand == 0, let product = producer.operation as? MatMul,
            consumer.operands[0].type == producer.results[0].type
        else { return nil }
        return PlanStep(
            operation: FusedProduct(product: product, hasBias: true),
            operands: producer.operands + [consumer.operands[1]], results: consumer.results,
            path: consumer.path)
    }

    /// matmul with bias, then an activation; the use count already tells whether its input is kept for backward.
    private static func fuseActivation(_ consumer: PlanStep, _ producer: PlanStep, _ operand: Int)
        -> PlanStep?
    {
        guard let activate = consumer.operation as? Activate, let dense = producer.operation as? FusedProduct,
            dense.activation == nil, consumer.operands[0].type == producer.results[0].type
        else { return nil }
        return PlanStep(
            operation: FusedProduct(product: dense.product, hasBias: true, activation: activate.activation),
            operands: producer.operands, results: consumer.results, path: consumer.path)
    }

    /// A large product, then a sum: a residual, or the gradients of a value that several products read.
    private static func fuseAddend(_ consumer: PlanStep, _ producer: PlanStep, _ operand: Int) -> PlanStep? {
        guard consumer.operation is Add, consumer.operands[0].storage != consumer.operands[1].storage
        else { return nil }
        var fused: FusedProduct
        if let product = producer.operation as? MatMul {
            fused = FusedProduct(product: product)
        } else if let product = producer.operation as? FusedProduct, product.activation == nil,
            !product.hasAddend
        {
            fused = product
        } else {
            return nil
        }
        guard fused.product.usesLibrary(producer.operands.map(\.type)) else { return nil }
        fused.hasAddend = true
        return PlanStep(
            operation: fused, operands: producer.operands + [consumer.operands[1 - operand]],
            results: consumer.results, path: consumer.path)
    }

    /// The product that carries a gradient back, then the activation's derivative.
    private static func fuseActivationGradient(
        _ consumer: PlanStep, _ producer: PlanStep, _ operand: Int
    ) -> PlanStep? {
        guard let gradient = consumer.operation as? ActivationGradient, operand == 0,
            let product = producer.operation as? MatMul, consumer.operands[0].type == producer.results[0].type
        else { return nil }
        return PlanStep(
            operation: MatMulActivationGradient(product: product, activation: gradient.activation),
            operands: producer.operands + [consumer.operands[1]], results: consumer.results,
            path: consumer.path)
    }

    /// Looking rows up, then averaging them: the rows are never written.
    private static func fuseEmbeddingMean(_ consumer: PlanStep, _ producer: PlanStep, _ operand: Int)
        -> PlanStep?
    {
        guard let mean = consumer.operation as? MaskedMean, operand == 0,
            producer.operation is EmbeddingLookup,
            producer.operands[1] == consumer.operands[1]
        else { return nil }
        return PlanStep(
            operation: EmbeddingMean(paddingID: mean.paddingID), operands: producer.operands,
            results: consumer.results, path: consumer.path)
    }

    /// Spreading a mean's gradient over tokens, then adding it into the table.
    private static func fuseEmbeddingMeanGradient(
        _ consumer: PlanStep, _ producer: PlanStep, _ operand: Int
    ) -> PlanStep? {
        guard consumer.operation is EmbeddingGradient, operand == 1,
            let spread = producer.operation as? MaskedMeanGradient,
            producer.operands[1] == consumer.operands[0]
        else { return nil }
        return PlanStep(
            operation: EmbeddingMeanGradient(paddingID: spread.paddingID),
            operands: [producer.operands[1], producer.operands[0]], results: consumer.results,
            path: consumer.path)
    }

    /// A loss and its gradient share their exponentials: the gradient's step moves to the loss's place.
    private static func fuseLosses(_ schedule: Schedule) -> Schedule {
        var result = schedule
        for (index, step) in schedule.steps.enumerated() {
            guard let kind = LossKind(loss: step.operation),
                let other = result.steps.indices.first(where: { place in
                    LossKind(gradient: result.steps[place].operation) == kind
                        && result.steps[place].operands == step.operands
                })
            else { continue }
            let gradient = result.steps[other]
            result.steps[index] = PlanStep(
                operation: LossWithGradient(kind: kind), operands: step.operands,
                results: step.results + gradient.results, path: step.path)
            result.notes.append("fused \(gradient.operation.name) into \(step.operation.name) (\(step.path))")
            result.steps.remove(at: other)
            return fuseLosses(result)
        }
        return result
    }
}
