/** A model whose slots are shared. */
export interface SlotModel {
  readonly provider: string;
  readonly model: string;
}

/** What a process says of its use of a model. */
export interface SlotUse {
  /** Calls that run. */
  readonly running: number;
  /** Calls that run or wait. */
  readonly wanted: number;
  /** The limit as this process knows it. */
  readonly limit: number;
  /** Whether it was learnt: then one process learns, and the others follow it. */
  readonly isLearnt: boolean;
}

/** What a process may use of a model until its lease ends. */
export interface SlotLease {
  /** Calls that it may have in flight; where more run, they end first. */
  readonly slots: number;
  /** What the process that learns the limit has learnt; undefined where this one does, or where it is known. */
  readonly follow: number | undefined;
  /** Calls that other processes may have in flight. */
  readonly elsewhere: number;
  /** No other process uses the model. */
  readonly isAlone: boolean;
  /** From when the renewal was asked for. */
  readonly durationMs: number;
}

/** Where processes share the slots of models, such as a database. Never more are leased together than the limit. */
export interface SlotStore {
  /** Renews this process's lease, with as many slots as its fair share allows and others have given back. */
  renew(model: SlotModel, use: SlotUse): Promise<SlotLease>;
  /** Gives the lease back. */
  release(model: SlotModel): Promise<void>;
}
