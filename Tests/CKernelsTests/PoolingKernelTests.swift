import CKernels
import Testing

/// Bytes with guards on both sides, so that a kernel that writes outside is seen.
private struct GuardedBytes {
    private var storage: [UInt8]
    private let count: Int

    init(_ bytes: [UInt8]) {
        count = bytes.count
        storage = [UInt8](repeating: 0xA5, count: 64) + bytes + [UInt8](repeating: 0xA5, count: 64)
    }

    var bytes: [UInt8] { Array(storage[64..<(64 + count)]) }
    var isIntact: Bool {
        storage.prefix(64).allSatisfy { $0 == 0xA5 } && storage.suffix(64).allSatisfy { $0 == 0xA5 }
    }

    mutating func withPointer(_ body: (UnsafeMutableRawPointer) -> Void) {
        storage.withUnsafeMutableBytes { body($0.baseAddress! + 64) }
    }
}

/// Pooling kernels: the numbers of the plain twin, the same bits from every clone, nothing written outside.
@Suite struct PoolingKernelTests {
    /// (height, width, kernel, stride, padding), height before width.
    private static let windows: [(Int, Int, (Int, Int), (Int, Int), (Int, Int))] = [
        (4, 6, (2, 2), (2, 2), (0, 0)), (5, 7, (2, 2), (2, 2), (0, 0)), (5, 4, (2, 2), (2, 2), (1, 1)),
        (7, 8, (3, 3), (2, 2), (1, 1)), (6, 9, (3, 3), (2, 2), (0, 0)), (9, 9, (3, 3), (3, 3), (0, 0)),
        (6, 5, (3, 2), (1, 3), (1, 1)), (1, 12, (1, 5), (1, 2), (0, 2)), (4, 3, (4, 3), (4, 3), (0, 0)),
    ]

    private func pooling(_ number: Int, lanes: Int, type: lk_type, _ windowType: lk_type) -> lk_pooling {
        let (height, width, kernel, stride, padding) = Self.windows[number]
        var p = lk_pooling()
        (p.planes, p.lanes, p.type, p.window_type) = (3, lanes, type, windowType)
        (p.height, p.width) = (height, width)
        (p.kernel_height, p.kernel_width) = kernel
        (p.stride_height, p.stride_width) = stride
        (p.padding_height, p.padding_width) = padding
        p.rows = (height + 2 * padding.0 - kernel.0) / stride.0 + 1
        p.columns = (width + 2 * padding.1 - kernel.1) / stride.1 + 1
        return p
    }

    /// Runs a kernel with all clones and its twin; both fill outputs of so many bytes.
    private func compare(
        _ sizes: [Int], _ comment: String, tolerance: (type: lk_type, of: Float)? = nil,
        twin: ([UnsafeMutableRawPointer]) -> Void, kernel: ([UnsafeMutableRawPointer]) -> Void
    ) {
        func run(_ body: ([UnsafeMutableRawPointer]) -> Void) -> [GuardedBytes] {
            var outputs = sizes.map { GuardedBytes([UInt8](repeating: 0x77, count: $0)) }
            func fill(_ place: Int, _ pointers: [UnsafeMutableRawPointer]) {
                guard place < outputs.count else { return body(pointers) }
                var output = outputs[place]
                output.withPointer { fill(place + 1, pointers + [$0]) }
                outputs[place] = output
            }
            fill(0, [])
            return outputs
        }
        let expected = run(twin).map(\.bytes)
        var first: [[UInt8]]?
        withEachInstructionSet { set in
            let outputs = run(kernel)
            let isIntact = outputs.allSatisfy { $0.isIntact }
            #expect(isIntact, "set \(set.rawValue) \(comment)")
            let bytes = outputs.map(\.bytes)
            if let tolerance {
                let count = bytes[0].count / (tolerance.type == LK_BFLOAT16 ? 2 : 4)
                let (ours, theirs) = (
                    widened(bytes[0], tolerance.type, count), widened(expected[0], tolerance.type, count)
                )
                #expect(distance(ours, theirs) <= tolerance.of, "set \(set.rawValue) \(comment)")
            } else {
                #expect(bytes == expected, "set \(set.rawValue) \(comment)")
            }
            #expect(bytes == first ?? bytes, "set \(set.rawValue) \(comment)")
            first = first ?? bytes
        }
    }

    private func size(_ type: lk_type) -> Int { type == LK_BFLOAT16 ? 2 : 4 }

    /// Numbers in few steps, so that windows have equal pixels, and a NaN.
    private func image(_ count: Int, _ type: lk_type) -> [UInt8] {
        var numbers = TestNumbers(count)
        var values = numbers.floats(count).map { ($0 * 4).rounded() / 4 }
        values[count / 2] = .nan
        return stored(values, type)
    }

    @Test(arguments: 0..<9, [1, 8, 16]) func maxima(number: Int, lanes: Int) {
        for (type, windowType, isWide, hasReLU) in [
            (LK_FLOAT32, LK_FLOAT32, 0, 0), (LK_FLOAT32, LK_FLOAT32, 1, 0), (LK_FLOAT32, LK_FLOAT32, 0, 1),
            (LK_BFLOAT16, LK_BFLOAT16, 0, 1), (LK_BFLOAT16, LK_BFLOAT16, 1, 0),
            (LK_FLOAT32, LK_BFLOAT16, 0, 1), (LK_BFLOAT16, LK_FLOAT32, 0, 0),
        ] as [(lk_type, lk_type, Int32, Int32)] {
            var p = pooling(number, lanes: lanes, type: type, windowType)
            (p.wide_places, p.relu) = (isWide, hasReLU)
            let (element, windowElement) = (size(type), size(windowType))
            let pixels = p.planes * p.height * p.width * lanes
            let windows = p.planes * p.rows * p.columns * lanes
            let x = image(pixels, type)
            let name =
                "windows \(number), \(lanes) lanes, types \(type) \(windowType), wide \(isWide), relu \(hasReLU)"
            var places = [UInt8](repeating: 0, count: windows * (isWide == 1 ? 4 : 1))
            var y = [UInt8](repeating: 0, count: windows * windowElement)
            lkr_max_pool(&p, x, &y, &places)
            compare([y.count, places.count], name) {
                lkr_max_pool(&p, x, $0[0], $0[1])
            } kernel: {
                lk_max_pool(&p, x, $0[0], $0[1])
            }
            compare([y.count], name) {
                lkr_max_pool(&p, x, $0[0], nil)
            } kernel: {
                lk_max_pool(&p, x, $0[0], nil)
            }
            var numbers = TestNumbers(number)
            let dy = stored(numbers.floats(windows), windowType)
            compare([pixels * element], name, tolerance: (type, type == LK_BFLOAT16 ? 5e-3 : 1e-6)) {
                lkr_max_pool_gradient(&p, dy, places, $0[0])
            } kernel: {
                lk_max_pool_gradient(&p, dy, places, $0[0])
            }
        }
    }

    @Test(arguments: 0..<9, [1, 8, 16]) func means(number: Int, lanes: Int) {
        for (type, windowType, countsPadding) in [
            (LK_FLOAT32, LK_FLOAT32, 0), (LK_FLOAT32, LK_FLOAT32, 1), (LK_BFLOAT16, LK_BFLOAT16, 1),
            (LK_FLOAT32, LK_BFLOAT16, 0), (LK_BFLOAT16, LK_FLOAT32, 1),
        ] as [(lk_type, lk_type, Int32)] {
            var p = pooling(number, lanes: lanes, type: type, windowType)
            p.counts_padding = countsPadding
            let pixels = p.planes * p.height * p.width * lanes
            let windows = p.planes * p.rows * p.columns * lanes
            func tolerance(_ type: lk_type) -> (type: lk_type, of: Float) {
                (type, type == LK_BFLOAT16 ? 5e-3 : 1e-6)
            }
            var numbers = TestNumbers(number)
            let (x, dy) = (stored(numbers.floats(pixels), type), stored(numbers.floats(windows), windowType))
            let name =
                "windows \(number), \(lanes) lanes, types \(type) \(windowType), padding \(countsPadding)"
            compare([windows * size(windowType)], name, tolerance: tolerance(windowType)) {
                lkr_average_pool(&p, x, $0[0])
            } kernel: {
                lk_average_pool(&p, x, $0[0])
            }
            compare([pixels * size(type)], name, tolerance: tolerance(type)) {
                lkr_average_pool_gradient(&p, dy, $0[0])
            } kernel: {
                lk_average_pool_gradient(&p, dy, $0[0])
            }
        }
    }

    /// Nobody wins a window of zeros and negatives behind ReLU; the gradient there is zero.
    @Test func windowsThatReLUCloses() {
        var p = pooling(0, lanes: 1, type: LK_FLOAT32, LK_FLOAT32)
        (p.planes, p.relu) = (1, 1)
        var x = [Float](repeating: -1, count: 24)
        (x[0], x[2], x[7]) = (2, 0, 2)
        var (y, places, dx) = ([Float](repeating: 9, count: 6), [UInt8](repeating: 9, count: 6), x)
        lk_max_pool(&p, x, &y, &places)
        #expect(y == [2, 0, 0, 0, 0, 0] && places == [0, 255, 255, 255, 255, 255])
        lk_max_pool_gradient(&p, [Float](repeating: 3, count: 6), places, &dx)
        #expect(dx == [3] + [Float](repeating: 0, count: 23))
    }

    @Test(arguments: [(1, 5, 7), (16, 32, 3), (16, 20, 5), (8, 11, 1)]) func channelBias(
        form: (Int, Int, Int)
    ) {
        let (lanes, channels, pixels) = form
        for (type, resultType) in [
            (LK_FLOAT32, LK_FLOAT32), (LK_BFLOAT16, LK_BFLOAT16), (LK_FLOAT32, LK_BFLOAT16),
            (LK_BFLOAT16, LK_FLOAT32),
        ] {
            let count = 2 * ((channels + lanes - 1) / lanes) * lanes * pixels
            var numbers = TestNumbers(count)
            let (x, bias) = (stored(numbers.floats(count), type), numbers.floats(channels))
            compare([count * size(resultType)], "\(form)") {
                lkr_channel_bias(x, type, bias, $0[0], resultType, 2, channels, pixels, lanes)
            } kernel: {
                lk_channel_bias(x, type, bias, $0[0], resultType, 2, channels, pixels, lanes)
            }
        }
    }
}
