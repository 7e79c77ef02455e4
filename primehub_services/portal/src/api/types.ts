/** The API's models under short names, all from the generated schema. */
import type { components } from './schema';

type Schemas = components['schemas'];
export type Me = Schemas['Me'];
export type MyGroup = Schemas['MyGroup'];
export type Notebook = Schemas['Notebook'];
export type Decision = Schemas['Decision'];
export type Reason = Schemas['Reason'];
export type BudgetLine = Schemas['BudgetLine'];
export type LaunchRequest = Schemas['LaunchRequest'];
export type Announcement = Schemas['Announcement'];
export type Token = Schemas['Token'];
export type LoginApprovalView = Schemas['LoginApprovalView'];
export type LaunchOptions = Schemas['LaunchOptions'];
export type InstanceTypeOption = Schemas['InstanceTypeOption'];
export type ImageOption = Schemas['ImageOption'];
export type GroupUsage = Schemas['GroupUsage'];
export type Usage = Schemas['Usage'];
export type Resources = Schemas['Resources'];
export type Scope = Schemas['Scope'];
export type LogBody = Schemas['LogPart'];
