import CKernels
import Testing

@Suite struct MatMulKernelTests {
    private struct Product: CustomStringConvertible {
        var m: Int
        var n: Int
        var k: Int
        var transposesLeft = false
        var transposesRight = false
        var hasBias = false
        var hasSaved = false
        var activation = LK_IDENTITY
        var description: String {
            "\(m)×\(n)×\(k) \(transposesLeft)\(transposesRight) bias \(hasBias) saved \(hasSaved) \(activation.rawValue)"
        }

        /// Runs a product on numbers of its own.
        func run(
            workspaceCount: Int? = nil, _ kernel: (UnsafePointer<lk_matmul_arguments>) -> Void
        ) -> (values: [Float], isIntact: Bool) {
            var numbers = TestNumbers(m * 10_007 + n * 101 + k)
            let (a, b) = (numbers.floats(m * k), numbers.floats(k * n))
            let (bias, saved) = (numbers.floats(n), numbers.floats(m * n, 0...1))
            var workspace = GuardedFloats(count: workspaceCount ?? lk_matmul_workspace_count(k))
            var c = GuardedFloats(count: m * n)
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    bias.withUnsafeBufferPointer { bias in
                        saved.withUnsafeBufferPointer { saved in
                            c.withPointer { c in
                                workspace.withPointer { workspace in
                                    var call = lk_matmul_arguments()
                                    (call.m, call.n, call.k) = (m, n, k)
                                    (call.a_row, call.a_inner) = transposesLeft ? (1, m) : (k, 1)
                                    (call.b_inner, call.b_column) = transposesRight ? (1, k) : (n, 1)
                                    (call.a, call.b, call.c) = (a.baseAddress, b.baseAddress, c)
                                    call.bias = hasBias ? bias.baseAddress : nil
                                    call.saved = hasSaved ? saved.baseAddress : nil
                                    call.activation = Int32(activation.rawValue)
                                    call.workspace = workspace
                                    kernel(&call)
                                }
                            }
                        }
                    }
                }
            }
            return (c.values, c.isIntact && workspace.isIntact)
        }
    }

    /// The clones with hardware FMA agree bit for bit; the generic one on x86 within rounding.
    private func check(_ product: Product) {
        let expected = product.run { lkr_matmul($0) }.values
        var first: [Float]?
        withEachInstructionSet { set in
            let (values, isIntact) = product.run { lk_matmul($0) }
            #expect(isIntact, "\(product), set \(set.rawValue)")
            #expect(distance(values, expected) < 3e-6, "\(product), set \(set.rawValue)")
            #if arch(x86_64)
                if set == LK_GENERIC { return }
            #endif
            #expect(bits(first ?? values) == bits(values), "\(product), set \(set.rawValue)")
            first = first ?? values
        }
    }

    /// The streamed kernels give the bits of the small one: each result is the same chain.
    @Test(arguments: [1, 2, 7, 8, 17], [1, 15, 16, 17, 31, 32, 33, 63, 64, 80])
    func streamed(m: Int, n: Int) {
        for k in [1, 5, 16, 255, 256, 257, 530] {
            for (left, right) in [(false, false), (false, true), (true, false)] {
                for activation in [LK_IDENTITY, LK_RELU] {
                    let product = Product(
                        m: m, n: n, k: k, transposesLeft: left, transposesRight: right,
                        hasBias: activation == LK_RELU, activation: activation)
                    let few = (
                        rows: lk_matmul_few_rows_workspace(), steps: lk_matmul_few_steps_workspace(n, k)
                    )
                    withEachInstructionSet { set in
                        let expected = product.run { lk_matmul($0) }.values
                        let rows = product.run(workspaceCount: few.rows) { lk_matmul_few_rows($0) }
                        let steps = product.run(workspaceCount: few.steps) { lk_matmul_few_steps($0) }
                        #expect(rows.isIntact && steps.isIntact, "\(product), set \(set.rawValue)")
                        #expect(bits(rows.values) == bits(expected), "\(product), set \(set.rawValue)")
                        #expect(bits(steps.values) == bits(expected), "\(product), set \(set.rawValue)")
                    }
                }
            }
        }
    }

    @Test(arguments: [1, 2, 7, 8, 9, 17], awkwardWidths) func extents(m: Int, n: Int) {
        for k in [1, 2, 30, 65] {
            for (left, right) in [(false, false), (true, false), (false, true), (true, true)] {
                check(Product(m: m, n: n, k: k, transposesLeft: left, transposesRight: right))
            }
        }
    }

    @Test(arguments: Array(UInt32(0)...9))
    func epilogues(code: UInt32) {
        for n in [1, 15, 24, 33, 64] {
            for (hasBias, hasSaved) in [(true, false), (false, false), (false, true)] {
                check(
                    Product(
                        m: 11, n: n, k: 30, hasBias: hasBias, hasSaved: hasSaved,
                        activation: lk_activation(code)))
            }
        }
    }

    @Test func anEmptyInnerExtentGivesTheBias() {
        check(Product(m: 3, n: 5, k: 0, hasBias: true))
    }

    /// A result's bits depend on its own row and column alone, not on how many others there are.
    @Test func bitsDoNotDependOnTheSize() {
        var numbers = TestNumbers(3)
        let (k, n) = (30, 64)
        let (a, b) = (numbers.floats(32 * k), numbers.floats(k * n))
        func rows(_ m: Int) -> [Float] {
            var c = [Float](repeating: 0, count: m * n)
            var workspace = [Float](repeating: 0, count: lk_matmul_workspace_count(k))
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    c.withUnsafeMutableBufferPointer { c in
                        workspace.withUnsafeMutableBufferPointer { workspace in
                            var call = lk_matmul_arguments()
                            (call.m, call.n, call.k) = (m, n, k)
                            (call.a_row, call.a_inner, call.b_inner, call.b_column) = (k, 1, n, 1)
                            (call.a, call.b, call.c) = (a.baseAddress, b.baseAddress, c.baseAddress)
                            call.workspace = workspace.baseAddress
                            lk_matmul(&call)
                        }
                    }
                }
            }
            return c
        }
        withEachInstructionSet { _ in
            let all = bits(rows(32))
            for m in [1, 3, 8, 31] { #expect(bits(rows(m)) == Array(all.prefix(m * n))) }
        }
    }

    @Test func nanReachesTheResultThroughEveryActivation() {
        for code in 0...4 {
            var workspace = [Float](repeating: 0, count: lk_matmul_workspace_count(2))
            withEachInstructionSet { _ in
                let (a, b): ([Float], [Float]) = ([.nan, 1], [1, 1])
                var c: Float = 0
                a.withUnsafeBufferPointer { a in
                    b.withUnsafeBufferPointer { b in
                        withUnsafeMutablePointer(to: &c) { c in
                            workspace.withUnsafeMutableBufferPointer { workspace in
                                var call = lk_matmul_arguments()
                                (call.m, call.n, call.k) = (1, 1, 2)
                                (call.a_row, call.a_inner, call.b_inner, call.b_column) = (2, 1, 1, 1)
                                (call.a, call.b, call.c) = (a.baseAddress, b.baseAddress, c)
                                call.activation = Int32(code)
                                call.workspace = workspace.baseAddress
                                lk_matmul(&call)
                            }
                        }
                    }
                }
                #expect(c.isNaN, "activation \(code)")
            }
        }
    }
}
