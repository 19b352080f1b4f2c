/// One fold of a cross-validation, written `number/count`: its rows test, all others train.
public struct Fold: Sendable, Equatable, CustomStringConvertible {
    /// Which fold, from 1 to ``count``.
    public var number: Int
    /// How many folds there are.
    public var count: Int

    /// Creates a fold.
    public init(number: Int, count: Int) {
        self.number = number
        self.count = count
    }

    /// `number/count`.
    public var description: String { "\(number)/\(count)" }
}

extension Fold {
    /// Nil where nothing was written.
    init?(_ reader: RecipeReader, key: String) throws {
        guard let node = reader.value(key) else { return nil }
        let numbers = try reader.text(node, key).split(separator: "/", omittingEmptySubsequences: false)
        guard numbers.count == 2, numbers.allSatisfy({ WholeNumber.isCanonical(String($0)) }),
            let number = Int(numbers[0]), let count = Int(numbers[1]), (2...1_000_000).contains(count),
            (1...count).contains(number)
        else { throw reader.wrongType(key, "a fold like 1/10 (the first of ten)", node) }
        self.init(number: number, count: count)
    }
}
