// One question at a time, and of those that come meanwhile only the latest: answers arrive in the order of the questions, and
// a slow engine is never flooded. Free of the DOM.

export class Latest<Question, Answer> {
  private flying = false;
  private waiting: { question: Question } | undefined;

  constructor(
    private readonly ask: (question: Question) => Promise<Answer>,
    private readonly take: (answer: Answer, question: Question) => void,
    private readonly fail: (error: Error, question: Question) => void,
  ) {}

  /** Whether an answer is still to come. */
  get busy(): boolean {
    return this.flying;
  }

  put(question: Question): void {
    if (this.flying) this.waiting = { question };
    else void this.fly(question);
  }

  private async fly(question: Question): Promise<void> {
    this.flying = true;
    let told: () => void;
    try {
      const answer = await this.ask(question);
      told = () => this.take(answer, question);
    } catch (error) {
      told = () => this.fail(error instanceof Error ? error : new Error(String(error)), question);
    }
    const next = this.waiting;
    this.waiting = undefined;
    this.flying = next !== undefined;
    told();
    if (next) void this.fly(next.question);
  }
}
