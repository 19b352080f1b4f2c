/// What a model is evaluated on. It fixes how wide a sample's scores are.
public enum Task: String, Codable, Sendable, CaseIterable {
    /// One of several classes; a sample has one logit a class.
    case classification
    /// Yes or no; a sample has one logit, and class 1 is predicted where its probability exceeds 0.5.
    case binaryClassification
    /// A number; a sample has one prediction.
    case regression
    /// Tokens, many a sample; parts hold sums, not scores.
    case tokens

    /// How many scores a sample has.
    public func scoreWidth(classCount: Int) -> Int {
        switch self {
        case .classification: classCount
        case .binaryClassification, .regression: 1
        case .tokens: 0
        }
    }
}
