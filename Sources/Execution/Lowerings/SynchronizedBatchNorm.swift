import CKernels

/// What a batch norm does when its statistics are those of the whole step: the shard's own statistics or sums, a meeting
/// with all other shards, then the result. The shards' numbers are joined in the canonical tree, in float64, so that every
/// lane has the same.
enum SynchronizedBatchNorm {
    /// Channels, filled up so that eight at a time can be read.
    static func width(_ channels: Int) -> Int { (channels + 7) / 8 * 8 }

    /// Numbers that a shard hands in: two a channel.
    static func valueCount(channels: Int) -> Int { 2 * width(channels) }

    /// Floats of scratch memory: the kernel's, what is handed in, and what comes out.
    static func workspaceElementCount(channels: Int) -> Int {
        Int(LK_BATCH_NORM_WORKSPACE) + 4 * width(channels)
    }

    /// Where in the scratch memory these numbers begin.
    static func numbers(_ workspace: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
        workspace + Int(LK_BATCH_NORM_WORKSPACE)
    }

    /// Forward: `call` describes the whole norm; its companions receive the statistics of the step.
    static func run(
        _ call: inout lk_batch_norm_arguments, with meeting: any ShardMeeting, elementCount: Double
    ) throws {
        let channels = call.groups.total
        let width = width(channels)
        let own = numbers(call.workspace)
        let (mean, variance) = (own + 2 * width, own + 3 * width)
        var statistics = call
        (statistics.y, statistics.mean, statistics.inverse) = (nil, own, nil)
        statistics.variance = own + width
        lk_batch_norm(&statistics)
        let values = try meeting.meet(
            weight: elementCount, UnsafeBufferPointer(start: own, count: valueCount(channels: channels)))
        for first in stride(from: 0, to: channels, by: 8) {
            let moments = Moments.joined(values, first: first, width: width)
            for channel in first..<min(first + 8, channels) {
                let (center, squares) = (moments.mean[channel - first], moments.squares[channel - first])
                (mean[channel], variance[channel]) = (Float(center), Float(squares / moments.count))
                guard let companion = call.mean else { continue }
                companion[channel] = mean[channel]
                call.inverse[channel] = 1 / (variance[channel] + call.epsilon).squareRoot()
                call.variance[channel] = Float(squares / max(moments.count - 1, 1))
            }
        }
        (call.fixed_mean, call.fixed_variance) = (UnsafePointer(mean), UnsafePointer(variance))
        lk_batch_norm(&call)
    }

    /// Backward: `call` describes the whole gradient; those by scale and shift are the shard's own.
    static func run(
        _ call: inout lk_batch_norm_gradient_arguments, with meeting: any ShardMeeting, elementCount: Double
    ) throws {
        let channels = call.groups.total
        let width = width(channels)
        let own = numbers(call.workspace)
        let (scaleTotal, shiftTotal) = (own + 2 * width, own + 3 * width)
        var sums = call
        (sums.dx, sums.dscale, sums.dshift) = (nil, own, own + width)
        lk_batch_norm_gradient(&sums)
        if let dscale = call.dscale {
            dscale.update(from: own, count: channels)
            call.dshift.update(from: own + width, count: channels)
        }
        let values = try meeting.meet(
            weight: elementCount, UnsafeBufferPointer(start: own, count: valueCount(channels: channels)))
        for first in stride(from: 0, to: channels, by: 8) {
            let scales = total(values, at: first), shifts = total(values, at: width + first)
            for channel in first..<min(first + 8, channels) {
                scaleTotal[channel] = Float(scales[channel - first])
                shiftTotal[channel] = Float(shifts[channel - first])
            }
        }
        (call.total_dscale, call.total_dshift) = (UnsafePointer(scaleTotal), UnsafePointer(shiftTotal))
        call.total_count = values.tree.sum { values.weight(ofShard: $0) }
        lk_batch_norm_gradient(&call)
    }

    /// The sum of eight neighbouring numbers over the shards that have samples.
    private static func total(_ values: ShardValues, at index: Int) -> SIMD8<Double> {
        values.tree.fold(
            { values.weight(ofShard: $0) > 0 ? values.eight(at: index, ofShard: $0) : .zero }, { $0 + $1 })
    }
}

/// Count, mean and sum of squared deviations of eight channels.
private struct Moments {
    var count: Double
    var mean: SIMD8<Double>
    var squares: SIMD8<Double>

    /// Those of all shards, whose blocks hold means, then unbiased variances.
    static func joined(_ values: ShardValues, first: Int, width: Int) -> Moments {
        values.tree.fold(
            { shard in
                let count = values.weight(ofShard: shard)
                guard count > 0 else { return Moments(count: 0, mean: .zero, squares: .zero) }
                return Moments(
                    count: count, mean: values.eight(at: first, ofShard: shard),
                    squares: values.eight(at: width + first, ofShard: shard) * (count - 1))
            }, joined)
    }

    /// The moments of two parts together (Chan, Golub and LeVeque 1979).
    private static func joined(_ left: Moments, _ right: Moments) -> Moments {
        guard left.count > 0 else { return right }
        guard right.count > 0 else { return left }
        let count = left.count + right.count
        let share = right.count / count
        let difference = right.mean - left.mean
        return Moments(
            count: count, mean: left.mean + difference * share,
            squares: left.squares + right.squares + difference * difference * (left.count * share))
    }
}
